"""An ONNX classifier to a proven teacher: `rnascl import-teacher --onnx=FILE --out=DIR`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.command_line import CommandFlags
from rnascl_tf.data.registry import DATASETS

USAGE = f"""
Import an ONNX image classifier as a teacher: convert it to Keras, verify each layer, measure it.

usage: rnascl import-teacher --onnx=FILE --out=DIR [--mean=A,B,C --std=A,B,C]
           [--dataset=NAME [--data_dir=FOLDER]] [--taps=main|all|REGEX]

  rnascl import-teacher --onnx=robust.onnx --out=teachers/robust --dataset=cifar10
  rnascl import-teacher --onnx=robust.onnx --out=teachers/robust \\
      --mean=0.4914,0.4822,0.4465 --std=0.2471,0.2435,0.2616

Every tapped convolution and the logits are compared with onnxruntime on real images; a relative error
over 0.001 is refused. With --dataset ({", ".join(DATASETS)}), clean and
PGD-20 accuracy are measured too. --mean and --std, per channel in [0, 1], are for a file that expects
normalised images; they become part of the written teacher.onnx.

exit code: 0 done, 2 wrong input or a refused file (one line says why), 130 interrupted.
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments, "interrupted; run the same command again.")


def _command(arguments: Sequence[str]) -> None:
    command = CommandFlags(USAGE)
    command.text("onnx", "The ONNX file.", needed="FILE.onnx")
    command.text("out", "Folder to write to.", needed="teachers/NAME")
    command.text(
        "taps", "Convolutions to tap: main (no projection shortcuts), all, or a regex.", "main"
    )
    command.text(
        "dataset", "Data set for proof and accuracy; without it: photographs, no accuracy."
    )
    command.text("data_dir", "Folder of the data set's prepared data.")
    command.text("epsilon", "Epsilon of PGD-20, L-inf, in pixel units of [0, 1].", "8/255")
    command.numbers("mean", "Per-channel mean of a file that wants normalised images.")
    command.numbers("std", "Per-channel standard deviation, likewise.")
    command.whole(
        "image_size", "Side of the images, if the file or the data set leaves it free.", None, 1
    )
    command.whole("verify_examples", "Real images on which layers are compared.", 16, 1)
    command.whole("examples", "Test images for clean and PGD-20 accuracy.", 500, 1)
    command.whole("batch_size", "Images attacked at once.", 100, 1)
    command.whole("seed", "Seed of PGD's random starts and of the photographs' crops.", 0, 0)
    command.switch("overwrite", "Replace what --out holds.")
    if command.parse(arguments) is not None:
        jobs.import_teacher(command.fill(jobs.ImportRequest))
