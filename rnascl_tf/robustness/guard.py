"""Checks that run before any attack, so that no number rests on a wrong input or a wrong model.

Each refusal is a `RobustnessError` of one line. The usual ways to fool oneself are covered: images in
other units, labels that are not class numbers, softmax outputs (their gradients vanish), and models
whose logits are random or depend on the rest of the batch (batch norm or dropout in training mode).
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from rnascl_tf.robustness.attacks.attack import Attack
from rnascl_tf.robustness.attacks.registry import CLEAN, attack_named
from rnascl_tf.robustness.logits_function import BlackBoxFunction, LogitsFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

# Probabilities in float32 sum to 1 within 1e-6, in bfloat16 within 1e-2, and in a full-integer file
# each is rounded to 1/256; logits that come so near for a whole batch do not occur.
SOFTMAX_TOLERANCE, SOFTMAX_ROUNDING, LARGEST_SOFTMAX_TOLERANCE = 0.01, 1 / 512, 0.1
# Relative to the largest logit. One compiled function repeats itself to 1e-6 or better on every
# device; training-mode noise moves logits by far more.
REPEAT_TOLERANCE = 1e-4

Compiled: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Images -> logits, both as arrays."""


def check_examples(
    images: np.ndarray, labels: np.ndarray | None, threat_model: ThreatModel
) -> tuple[np.ndarray, np.ndarray]:
    """Checks a set of labelled images.

    Args:
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], class numbers.
        threat_model: what the attacks may change.

    Returns:
        (images, labels) as float32 and int64.

    Raises:
        RobustnessError: they are anything else.
    """
    images = _checked_images(np.asarray(images), threat_model.bounds)
    channels = images.shape[3]
    if threat_model.std is not None and len(threat_model.std) not in (1, channels):
        raise RobustnessError(
            f"the std {threat_model.std} has {len(threat_model.std)} numbers, the "
            f"images have {channels} channels; give one number per channel."
        )
    if labels is None:
        raise RobustnessError(
            "labels are missing; pass the true classes, or the attack would aim at predictions."
        )
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise RobustnessError(
            f"labels have shape {labels.shape}, one-hot it seems; class numbers of shape "
            f"({len(images)},) are needed: labels.argmax(axis=-1)."
        )
    if labels.ndim != 1:
        raise RobustnessError(
            f"labels have shape {labels.shape}; class numbers of shape ({len(images)},) are "
            "needed: labels.reshape(-1)."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise RobustnessError(
            f"labels are {labels.dtype}; whole class numbers are needed: labels.astype('int64')."
        )
    if len(labels) != len(images):
        raise RobustnessError(
            f"{len(images)} images came with {len(labels)} labels; pass one label per image."
        )
    if labels.min() < 0:
        raise RobustnessError(
            f"the lowest label is {labels.min()}; class numbers start at 0: "
            "leave unlabelled images out."
        )
    return images, labels.astype(np.int64)


def check_model(
    compiled_logits: Compiled,
    images: np.ndarray,
    labels: np.ndarray,
    classes_wanted: int | None = None,
    eager_logits: Compiled | None = None,
) -> int:
    """Probes a model with one batch.

    Args:
        compiled_logits: images -> float32 [n, classes].
        images: float32 [n, height, width, channels], a batch; the check for batch dependence needs
            at least two.
        labels: int64 [m], all labels of the evaluation, not only this batch's.
        classes_wanted: of the data set, or None if that is not known.
        eager_logits: the same by running the model's Python code again, or None if that is not
            possible.

    Returns:
        The number of the model's classes.

    Raises:
        RobustnessError: the model cannot be attacked meaningfully; the message says why.
    """
    logits = _first_logits(compiled_logits, images)
    if logits.shape[0] != len(images):
        raise RobustnessError(
            f"the model returned {logits.shape[0]} rows for {len(images)} images; "
            "one row of logits per image is needed."
        )
    if not np.isfinite(logits).all():
        raise RobustnessError(
            "the model's logits hold NaN or infinity; load a checkpoint from before it diverged."
        )
    classes = logits.shape[1]
    if classes < 2:
        raise RobustnessError(
            f"the model has {classes} output; a classifier with one logit per class is needed."
        )
    if labels.max() >= classes:
        raise RobustnessError(
            f"the highest label is {labels.max()}, the model has {classes} classes "
            f"(0 to {classes - 1}); use the data set that the model was trained for."
        )
    if classes_wanted is not None and classes != classes_wanted:
        raise RobustnessError(
            f"the model has {classes} classes, the data set {classes_wanted}; use the data set "
            "that the model was trained for."
        )
    tolerance = min(SOFTMAX_TOLERANCE + classes * SOFTMAX_ROUNDING, LARGEST_SOFTMAX_TOLERANCE)
    if (logits >= 0.0).all() and (abs(logits.sum(axis=1) - 1.0) <= tolerance).all():
        raise RobustnessError(
            "the model returns probabilities: each row is non-negative and sums to 1. Softmax "
            "hides gradients; return the logits before it."
        )
    allowed = REPEAT_TOLERANCE * max(1.0, float(abs(logits).max()))
    again = compiled_logits(images)
    if not abs(again - logits).max() <= allowed:
        raise RobustnessError(
            "the model's logits change between two calls on the same images: it is random, or in "
            "training mode; switch dropout and noise off (training=False)."
        )
    # Python draws random numbers only once, while the graph is traced; later calls repeat them.
    if eager_logits is not None and not abs(eager_logits(images) - logits).max() <= allowed:
        raise RobustnessError(
            "the model's logits change when it is called outside its compiled graph: it draws "
            "random numbers in Python or NumPy, which a graph holds still; switch the noise off, or "
            "draw it with tf.random and attack the expectation."
        )
    if len(images) > 1:
        _check_batch_independence(compiled_logits, images, logits, allowed)
    return classes


def check_norm(attack: Attack, threat_model: ThreatModel) -> None:
    """Raises RobustnessError if an `Attack` is not defined for the threat model's norm."""
    if threat_model.norm not in attack.norms:
        raise RobustnessError(
            f"{attack.name} works in {', '.join(attack.norms)}, and the norm is {threat_model.norm}; "
            "choose another attack or norm."
        )


def check_norms(names: Sequence[str], attack_budget: str, threat_model: ThreatModel) -> None:
    """Raises RobustnessError if one of the named attacks is not defined for the norm.

    Args:
        names: as for `attack_named`, or "clean".
        attack_budget: of "autoattack".
        threat_model: what they may change.
    """
    for name in names:
        for member in attack_named(name, attack_budget).members if name != CLEAN else ():
            check_norm(member, threat_model)


def check_attack(
    attack: Attack,
    threat_model: ThreatModel,
    logits: LogitsFunction | BlackBoxFunction,
    classes: int,
) -> None:
    """Makes sure that an attack can be run.

    Args:
        attack: the attack.
        threat_model: what it may change.
        logits: the model.
        classes: of the model.

    Raises:
        RobustnessError: it is not defined for the norm or the number of classes, or needs gradients
            that the model does not have.
    """
    check_norm(attack, threat_model)
    if attack.needs_gradient and not logits.differentiable:
        raise RobustnessError(
            f"{attack.name} needs gradients, which this model (a TFLite file, or a black box) does not "
            "have; square and spsa need only its answers, or attack the model it was made from."
        )
    if classes < attack.fewest_classes:
        raise RobustnessError(
            f"{attack.name} needs {attack.fewest_classes} classes, the model has {classes}; use an "
            "attack on cross entropy or on the margin, as pgd20, cw, fab-t or square."
        )


def _checked_images(images: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    if images.ndim != 4:
        raise RobustnessError(
            f"images have shape {images.shape}; [n, height, width, channels] is needed: "
            "a single image wants images[None]."
        )
    if len(images) == 0:
        raise RobustnessError("there are zero images; pass at least one.")
    if images.shape[1] in (1, 3) and images.shape[3] not in (1, 3):
        raise RobustnessError(
            f"images have shape {images.shape}, channels first it seems; channels come last: "
            "images.transpose(0, 2, 3, 1)."
        )
    if images.dtype == np.uint8:
        raise RobustnessError(
            "images are uint8 in 0..255; float32 in [0, 1] is needed: "
            "images.astype('float32') / 255."
        )
    if images.dtype != np.float32:
        raise RobustnessError(
            f"images are {images.dtype}; float32 is needed: images.astype('float32')."
        )
    low, high = bounds
    lowest, highest = float(images.min()), float(images.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise RobustnessError("images hold NaN or infinity; repair or leave out those images.")
    if lowest < low or highest > high:
        fix = (
            "divide by 255"
            if lowest >= 0.0 and highest > 2.0
            else "undo the normalization and put it into the model as its first layer"
        )
        raise RobustnessError(
            f"images range from {lowest:g} to {highest:g}; [{low:g}, {high:g}] is needed: {fix}."
        )
    return images


def _first_logits(compiled_logits: Compiled, images: np.ndarray) -> np.ndarray:
    try:
        return compiled_logits(images)
    except RobustnessError:
        raise
    except (TypeError, ValueError, AttributeError, tf.errors.InvalidArgumentError) as error:
        raise RobustnessError(
            f"the model fails on images of shape {images.shape}; check the image size, and that "
            f"the model is made of TensorFlow operations. It said: {_gist(error)}"
        ) from error


def _gist(error: Exception) -> str:
    """Picks the most telling line of an error of TensorFlow or Keras."""
    uncoloured = re.sub(r"\x1b\[\d+m", "", str(error))
    lines = [line.strip() for line in uncoloured.splitlines() if line.strip()]
    return next((line for line in lines if "shape" in line), lines[-1] if lines else repr(error))


def _check_batch_independence(
    compiled_logits: Compiled, images: np.ndarray, logits: np.ndarray, allowed: float
) -> None:
    companions = images.copy()
    noise = np.random.default_rng(0).random(images[1::2].shape, np.float32)
    companions[1::2] = images.min() + noise * (images.max() - images.min())
    beside_others = compiled_logits(companions)
    if not abs(beside_others[::2] - logits[::2]).max() <= allowed:
        raise RobustnessError(
            "the model's logits for an image change with the other images of the batch: its batch "
            "norm is in training mode; call it with training=False."
        )
