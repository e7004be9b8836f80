"""A robust PyTorch checkpoint to a proven ONNX file: `rnascl export-teacher --zoo=NAME`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.command_line import CommandFlags
from rnascl_tf.console import print_whole
from rnascl_tf.report.zoo_table import zoo_table
from teachers.pytorch.zoo import ZOO

USAGE = """
Export a robust PyTorch checkpoint as an ONNX teacher, and compare the file with PyTorch.

usage: rnascl export-teacher --zoo=NAME --checkpoint=FILE --out=FILE.onnx
       rnascl export-teacher --architecture=NAME --num_classes=N --input_size=N
           [--mean=A,B,C --std=A,B,C] --checkpoint=FILE --out=FILE.onnx
       rnascl export-teacher --list

  rnascl export-teacher --zoo=wang2023_wrn28_10 --checkpoint=cifar10_linf_wrn28-10.pt \\
      --out=teacher.onnx

The checkpoint's wrappers are removed, every key and shape is checked, and its normalisation becomes
part of the file. Each tapped convolution and the logits are compared with PyTorch on images; with a
relative error over 0.001 nothing is written. --list shows the known checkpoints and where to get them.
Needs PyTorch: pip install '.[torch]'.

exit code: 0 done, 2 wrong input or a refused file (one line says why), 130 interrupted.
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments, "interrupted; nothing was written.")


def _command(arguments: Sequence[str]) -> None:
    command = CommandFlags(USAGE)
    command.text("zoo", "Which known checkpoint it is: see --list.")
    command.text("checkpoint", "The PyTorch file.")
    command.text("out", "The ONNX file to write.")
    command.text(
        "architecture", "Network of a checkpoint that is not in the zoo, as wide_resnet34_10."
    )
    command.text("state_key", "Key of the state dict to take, if the file holds several.")
    command.text(
        "images", "Images for the proof: a folder of image files, or an .npz with `images`."
    )
    command.whole("num_classes", "Number of its logits; with --architecture.", None, 1)
    command.whole("input_size", "Side of its square images; with --architecture.", None, 1)
    command.numbers(
        "mean", "Per-channel mean that it expects to be subtracted; with --architecture."
    )
    command.numbers("std", "Per-channel standard deviation, likewise.")
    command.switch("list", "Print the zoo.")
    command.switch("overwrite", "Replace --out.")
    asked = command.parse(arguments)
    if asked is None:
        return
    if asked.list:
        print_whole(zoo_table(ZOO.values()))
        return
    jobs.export_teacher(command.fill(jobs.ExportRequest))
