#!/bin/sh
# The paper's schedule on S3: search 100 epochs, train 100, TRADES 20, and a cross-entropy baseline of 100.
# Hours of two cores; stop it at any time, the same command continues where it was. It starts from the
# newest committed checkpoint in docs/results/runs/paper_s3, if WORKDIR is new.
#
# The run was begun at commit 4405bb9. Continue it from a worktree at that commit, so that one code makes
# the whole row: git worktree add ../paper 4405bb9
#
# usage: docs/results/paper.sh PREPARED_DATA TEACHER.onnx WORKDIR
set -eu
data=$1 teacher=$2 workdir=$3
kept=$(dirname "$0")/runs/paper_s3
if [ ! -e "$workdir" ]; then
  mkdir -p "$(dirname "$workdir")"
  cp -R "$kept" "$workdir"
  cp "$teacher" "$workdir/teacher/teacher.onnx"
fi
exec "${PYTHON:-python}" -m rnascl_tf --config=cifar10:s3 --workdir="$workdir" \
  --config.data.data_dir="$data" --config.teacher.onnx="$teacher" \
  --config.teacher.precision=float32 --config.teacher.evaluate_examples=1000 \
  --config.trades.enabled=true \
  --config.evaluate.attacks=clean,fgsm,pgd20,mifgsm,cw,pgd20@2/255
