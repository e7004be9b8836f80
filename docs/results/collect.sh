#!/bin/sh
# Copies from run.sh's WORKDIR to docs/results/runs what the table rests on: records, histories,
# architectures, diagnostics and trained students; not the teacher, which is not ours, nor scratch.
#
# usage: docs/results/collect.sh WORKDIR
set -eu
target=$(dirname "$0")/runs
mkdir -p "$target"
tar -C "$1" --exclude=signals --exclude=checkpoints --exclude=tensorboard --exclude=teacher.onnx \
  --exclude=log.txt -cf - . | tar -C "$target" -xf -
