#!/bin/sh
# Copies what the table is made from, from run.sh's WORKDIR to docs/results/runs: records, histories,
# architectures, diagnostics and trained students. It leaves out the teacher, which is not ours, and
# temporary files.
#
# usage: docs/results/collect.sh WORKDIR
set -eu
target=$(dirname "$0")/runs
mkdir -p "$target"
tar -C "$1" --exclude=signals --exclude=checkpoints --exclude=tensorboard --exclude=teacher.onnx \
  --exclude=log.txt -cf - . | tar -C "$target" -xf -
