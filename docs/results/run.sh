#!/bin/sh
# Makes the runs of docs/results.md: one search, thirteen rows, one seed. It takes about seven hours on two
# cores. You can stop it at any time; the same command continues.
#
# usage: docs/results/run.sh PREPARED_DATA TEACHER.onnx WORKDIR [more flags of rnascl ablate]
set -eu
data=$1 teacher=$2 workdir=$3
shift 3
exec "${PYTHON:-python}" -m rnascl_tf ablate --config=cifar10:s3 --workdir="$workdir" --jobs=2 \
  --config.data.data_dir="$data" --config.teacher.onnx="$teacher" \
  --config.teacher.evaluate_examples=1000 \
  --config.search.epochs=5 --config.train.epochs=8 --config.trades.epochs=1 \
  --config.evaluate.attacks=clean,fgsm,pgd20,mifgsm,cw,pgd20@2/255 \
  --config.signals.store="$workdir/signals" \
  --row='cross-entropy:kl=off,attention=off,trades.enabled=true' \
  --row='KL:attention=off' \
  --row='KL + searched, gamma 100:gamma=100' \
  --row='KL + same depth, gamma 100:tutor=same_depth,gamma=100' \
  --row='KL + random, gamma 100:tutor=random,gamma=100' \
  --row='KL + searched, gamma 10:gamma=10,trades.enabled=true' \
  --row='KL + same depth, gamma 10:tutor=same_depth,gamma=10' \
  --row='KL + random, gamma 10:tutor=random,gamma=10' \
  --row='KL + searched, gamma 1:gamma=1' \
  --row='KL + same depth, gamma 1:tutor=same_depth,gamma=1' \
  --row='KL + random, gamma 1:tutor=random,gamma=1' \
  "$@"
