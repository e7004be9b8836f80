#!/bin/sh
# Makes the runs by which the variant "robust" is chosen: rows of 12 epochs on the filters and tutors of
# run.sh's search, one seed. Hours of two cores; stop it with Ctrl-C, the same command continues.
#
# A row differs from "KL, teacher first" in what its name says, and in this: where one epoch of PGD-3
# follows, the learning rate begins anew, at 0.01; with TRADES-10 the three epochs are under 2,000 steps,
# so that the momentum of batch norm is 0.9 and not 0.997.
#
# A comparison shares its architecture, and with it the activation: the row of ReLU6 is a second one, in
# WORKDIR/relu6, on the same filters and the same stored signals.
#
# usage: docs/results/robust.sh PREPARED_DATA TEACHER.onnx WORKDIR [more flags of rnascl ablate, for both]
set -eu
data=$1 teacher=$2 workdir=$3
shift 3
found=$(dirname "$0")/runs/base/seed_0/search/architecture.json

compare() { # FOLDER ARCHITECTURE FLAGS
  folder=$1 architecture=$2
  shift 2
  "${PYTHON:-python}" -m rnascl_tf ablate --config=cifar10:s3,robust --workdir="$folder" --jobs=1 \
    --config.data.data_dir="$data" --config.teacher.onnx="$teacher" \
    --config.teacher.evaluate_examples=1000 \
    --config.search.architecture="$architecture" --config.train.epochs=12 \
    --config.train.weight_average=0 --config.train.gamma=17 --config.baseline.enabled=false \
    --config.evaluate.masking_examples=0 \
    --config.evaluate.attacks=clean,fgsm,pgd20,mifgsm,cw,pgd20@2/255,autoattack \
    --config.evaluate.budget=quick --config.signals.store="$workdir/signals" \
    "$@"
}

compare "$workdir" "$found" \
  --row='no teacher:kl=off,attention=off' \
  --row='KL, teacher first:attention=off' \
  --row='KL, student first:attention=off,method.kl_first=student' \
  --row='KL + searched, gamma 17:gamma=17' \
  --row='KL + same depth, gamma 17:tutor=same_depth,gamma=17' \
  --row='KL + searched, gamma 100:gamma=100' \
  --row='KL + same depth, gamma 100:tutor=same_depth,gamma=100' \
  --row='KL, weight average:attention=off,train.weight_average=0.997' \
  --row='KL, clean images as well:attention=off,train.clean_weight=1' \
  --row='KL, then PGD-3 for one epoch:attention=off,train.epochs=11,trades.enabled=true,trades.attack=pgd,trades.attack_steps=3,trades.attack_step_size=0.5,trades.epochs=1' \
  --row='KL, TRADES-10 at equal time:attention=off,train.attack=trades,train.epochs=3' \
  "$@"

mkdir -p "$workdir/relu6"
sed '1s/{/{"activation": "relu6",/' "$found" > "$workdir/relu6/architecture.json"
compare "$workdir/relu6" "$workdir/relu6/architecture.json" --config.search.activation=relu6 \
  --row='KL, ReLU6:attention=off' \
  "$@"
