"""The flags of `rnascl attack`, and its help."""

from absl import flags

from rnascl_tf import command_line
from rnascl_tf.data import DATASETS
from rnascl_tf.errors import UserError
from rnascl_tf.robustness.attacks.autoattack import BUDGETS
from rnascl_tf.robustness.attacks.registry import ATTACKS

EXAMPLES, MASKING_EXAMPLES = 1000, 200
"""How many test images are attacked, and looked at by the verdict, unless a flag says."""

USAGE = f"""
Attack an image classifier and print which accuracy stands, with a verdict on gradient masking.

usage: rnascl attack --model=FILE --dataset=NAME --out=DIR
           [--epsilon=8/255] [--norm=linf|l2] [--attacks=A,B,...] [--examples=1000]

  rnascl attack --model=student.keras --dataset=cifar10 --data_dir=DATA --out=DIR
  rnascl attack --model=robust.onnx --dataset=cifar10 --data_dir=DATA --out=DIR \\
      --attacks=clean,pgd20,autoattack --budget=quick --strict

--model is a .keras, .onnx or .tflite file or the folder of a SavedModel: images in [0, 1] -> logits.
A .tflite file has no gradients: square, spsa, or attack the model it was made from.
Attacks: clean, {", ".join(ATTACKS)},
pgd<steps> and pgd<steps>x<restarts> (pgd100, pgd50x5), and autoattack: APGD-CE, APGD-T, FAB-T and
Square in a row, each on the images still standing; --budget=quick has fewer steps and targets.
A stopped command goes on where it was when it is given again; finished attacks are kept.

exit code: 0 done, 2 wrong input (one line says why), 3 with --strict when gradients look masked,
130 interrupted.
"""


class AssessmentError(UserError):
    """A request that cannot be carried out; the message says what came, what was wanted, the fix."""


def robustness_flags():
    """Returns the command's flags, not parsed yet."""
    flag_values = command_line.new_flags()
    for name, default, text in (
        ("model", None, "The classifier: .keras, .onnx, .tflite, or a SavedModel's folder."),
        ("dataset", None, f"Whose test images are attacked: {', '.join(DATASETS)}."),
        ("data_dir", None, "Folder of the data set's prepared data."),
        ("out", None, "Folder to write to."),
        ("epsilon", "8/255", "Largest change, in pixel units of [0, 1] (0.5 is usual in L2)."),
        (
            "teacher",
            None,
            "A model file whose adversarial images the verdict tries too (transfer).",
        ),
    ):
        flags.DEFINE_string(name, default, text, flag_values=flag_values)
    for name, default, choices, text in (
        ("norm", "linf", ("linf", "l2"), "How changes are measured."),
        ("space", "pixel", ("pixel", "normalized"), "Where; normalized needs --deviation."),
        ("budget", "standard", tuple(BUDGETS), "Of autoattack."),
    ):
        flags.DEFINE_enum(name, default, choices, text, flag_values=flag_values)
    command_line.define_devices(flag_values, ("auto", "one_device", "mirrored"))
    for name, default, text in (
        ("attacks", ["clean", "fgsm", "pgd20", "mifgsm", "cw", "autoattack"], "Which, in order."),
        ("deviation", [], "The normalisation's standard deviation, for --space=normalized."),
        ("mean", [], "Per-channel mean of an ONNX file that wants normalised images."),
        ("std", [], "Per-channel standard deviation, likewise."),
    ):
        flags.DEFINE_list(name, default, text, flag_values=flag_values)
    for name, default, text in (
        ("examples", None, f"Test images, evenly spaced; {EXAMPLES}, or all if there are fewer."),
        ("batch_size", 64, "Images attacked at once."),
        (
            "masking_examples",
            None,
            f"Test images of the verdict on masking, {MASKING_EXAMPLES} at most; 0: no verdict.",
        ),
        ("image_size", None, "Side of the images, where the data set leaves it free."),
        ("seed", 0, "Of all random starts and queries."),
    ):
        lowest = 0 if name in ("seed", "masking_examples") else None
        flags.DEFINE_integer(name, default, text, lowest, flag_values=flag_values)
    for name, text in (
        ("resized_crop", "Image files: cut them as for networks trained on random-resized crops."),
        ("sweep", "Also draw accuracy over epsilons 0 to 0.1 under FGSM and PGD-20."),
        ("strict", "Exit with 3 when the verdict finds gradients masked."),
        ("overwrite", "Forget what --out holds of another evaluation."),
    ):
        flags.DEFINE_bool(name, False, text, flag_values=flag_values)
    return flag_values
