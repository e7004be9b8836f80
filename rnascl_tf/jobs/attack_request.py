"""What an attack on a model file needs to know, and what it leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rnascl_tf.errors import UserError

if TYPE_CHECKING:
    from rnascl_tf import robustness
    from rnascl_tf.robustness.masking.verdict import Verdict

EXAMPLES, MASKING_EXAMPLES = 1000, 200
"""Numbers of test images that are attacked, and that the verdict looks at, unless others are given."""

DEFAULT_ATTACKS = ("clean", "fgsm", "pgd20", "mifgsm", "cw", "autoattack")


class AttackRequestError(UserError):
    """A request that cannot be carried out; the message says what came, what was wanted, the fix."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttackRequest:
    """An attack on the classifier in a file.

    Attributes:
        model: a .keras, .onnx or .tflite file, or the folder of a SavedModel.
        dataset: name of the data set whose test images are attacked.
        out: folder to write to.
        data_dir: folder of the data set's prepared data; None: its default.
        epsilon: largest change as text, "8/255" or "0.5", in pixel units of [0, 1].
        norm: "linf" or "l2".
        space: "pixel", or "normalized" together with `space_std`.
        space_std: standard deviation of the normalised space, one number per channel, or None.
        attacks: names of attacks, in this order.
        attack_budget: effort of autoattack, "standard" or "quick".
        examples: number of test images, evenly spaced; None: `EXAMPLES`, or all if there are fewer.
        masking_examples: number of test images for the verdict on masking; 0: no verdict; None:
            `MASKING_EXAMPLES` at most.
        teacher: a model file whose adversarial images the verdict tries too, or None.
        mean: per-channel mean for an ONNX file that wants normalised images, or None.
        std: per-channel standard deviation, likewise.
        image_size: side of the images in pixels, if the data set leaves it free.
        resized_crop: cut image files as for networks that were trained on random-resized crops.
        batch_size: images attacked at once.
        seed: of all random starts and queries.
        strategy, logical_cpus: see `runtime.devices.choose_devices`.
        sweep: also draw accuracy over epsilons: 0 to 0.1, or to twice `epsilon` in L2.
        strict: a verdict is required.
        overwrite: forget what `out` holds of another evaluation.
    """

    model: str | Path
    dataset: str
    out: str | Path
    data_dir: str | Path | None = None
    epsilon: str = "8/255"
    norm: str = "linf"
    space: str = "pixel"
    space_std: tuple[float, ...] | None = None
    attacks: tuple[str, ...] = DEFAULT_ATTACKS
    attack_budget: str = "standard"
    examples: int | None = None
    masking_examples: int | None = None
    teacher: str | Path | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    image_size: int | None = None
    resized_crop: bool = False
    batch_size: int = 64
    seed: int = 0
    strategy: str = "auto"
    logical_cpus: int = 0
    sweep: bool = False
    strict: bool = False
    overwrite: bool = False


@dataclasses.dataclass(frozen=True)
class AttackReport:
    """What an attack on a model file has found.

    Attributes:
        results: what each attack left, "clean" among them.
        verdict: on masked gradients; None if there is no verdict.
    """

    results: Mapping[str, robustness.AttackResult]
    verdict: Verdict | None
