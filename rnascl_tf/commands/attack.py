"""Attack any classifier file: `rnascl attack --model=FILE --dataset=NAME --out=DIR`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.command_line import CommandFlags, add_device_flags
from rnascl_tf.data.registry import DATASETS
from rnascl_tf.exit_codes import EXIT_STRICT
from rnascl_tf.jobs.attack_request import DEFAULT_ATTACKS, EXAMPLES, MASKING_EXAMPLES
from rnascl_tf.robustness.attacks.registry import ATTACK_BUDGETS, ATTACKS
from rnascl_tf.robustness.threat_model import NORMS, SPACES

USAGE = f"""
Attack an image classifier: print its robust accuracy, and whether its gradients look masked.

usage: rnascl attack --model=FILE --dataset=NAME --out=DIR
           [--epsilon=8/255] [--norm=linf|l2] [--attacks=A,B,...] [--examples=1000]

  rnascl attack --model=student.keras --dataset=cifar10 --data_dir=DATA --out=DIR
  rnascl attack --model=robust.onnx --dataset=cifar10 --data_dir=DATA --out=DIR \\
      --attacks=clean,pgd20,autoattack --budget=quick --strict

--model is a .keras, .onnx or .tflite file or the folder of a SavedModel: images in [0, 1] -> logits.
A .tflite file has no gradients: use square or spsa, or attack the model it was made from.
Attacks: clean, {", ".join(ATTACKS)},
pgd<steps> and pgd<steps>x<restarts> (pgd100, pgd50x5), and autoattack: APGD-CE, APGD-T, FAB-T and
Square, each on the images that the ones before left. --budget=quick has fewer steps and targets.
If the command is stopped, the same command continues; finished attacks are kept.

exit code: 0 done, 2 wrong input (one line says why), 3 with --strict when gradients look masked,
130 interrupted.
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments, command_line.CONTINUES)


def _command(arguments: Sequence[str]) -> int:
    command = CommandFlags(USAGE)
    command.text(
        "model", "The classifier: .keras, .onnx, .tflite, or a SavedModel's folder.", needed="FILE"
    )
    command.text(
        "dataset", f"Data set of the attacked images: {', '.join(DATASETS)}.", needed="cifar10"
    )
    command.text("data_dir", "Folder of the data set's prepared data.")
    command.text("out", "Folder to write to.", needed="DIR")
    command.text("epsilon", "Largest change, in pixel units of [0, 1] (L2: 0.5 is usual).", "8/255")
    command.choice("norm", "How changes are measured", NORMS, "linf")
    command.choice("space", "Where; normalized needs --space_std", SPACES, "pixel")
    command.numbers(
        "space_std", "Per-channel standard deviation by which --space=normalized divides."
    )
    command.names("attacks", "Attacks, in this order.", DEFAULT_ATTACKS)
    command.choice("budget", "Effort of autoattack", ATTACK_BUDGETS, "standard")
    command.whole("examples", f"Test images, evenly spaced; {EXAMPLES}, or all if there are fewer.")
    command.whole("batch_size", "Images attacked at once.", 64)
    command.whole("seed", "Seed of all random starts and queries.", 0, 0)
    command.whole(
        "masking_examples",
        f"Test images of the verdict on masking, {MASKING_EXAMPLES} at most; 0: no verdict.",
        None,
        0,
    )
    command.text(
        "teacher", "A model file whose adversarial images the verdict tries too (transfer)."
    )
    command.numbers("mean", "Per-channel mean of an ONNX file that wants normalised images.")
    command.numbers("std", "Per-channel standard deviation, likewise.")
    command.whole("image_size", "Side of the images, if the data set leaves it free.")
    command.switch(
        "resized_crop", "Image files: cut them as for networks trained on random-resized crops."
    )
    add_device_flags(command, ("auto", "one_device", "mirrored"))
    command.switch(
        "sweep", "Also draw accuracy over epsilons: 0 to 0.1, or to twice --epsilon in L2."
    )
    command.switch("strict", "Exit with 3 when the verdict finds gradients masked.")
    command.switch("overwrite", "Forget what --out holds of another evaluation.")
    asked = command.parse(arguments)
    if asked is None:
        return 0
    report = jobs.attack_file(command.fill(jobs.AttackRequest, attack_budget=asked.budget))
    masked = report.verdict is not None and report.verdict.suspicious
    return EXIT_STRICT if asked.strict and masked else 0
