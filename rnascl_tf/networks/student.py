"""The slim student that a search decided on (docs/design.md, "The student")."""

from collections.abc import Mapping
from typing import Any

import keras

from rnascl_tf.networks.architecture import Architecture, activation_of, problem_and_filters
from rnascl_tf.networks.backbone import backbone
from rnascl_tf.networks.supernet import PAPER_MOMENTUM


def build_student(
    architecture: Architecture | Mapping[str, Any],
    *,
    momentum: float = PAPER_MOMENTUM,
    seed: int = 0,
) -> keras.Model:
    """Builds a student with concrete widths.

    Args:
        architecture: an `Architecture`, or a mapping with `space`, `filters`, `num_classes`,
            `input_shape`, and `activation` where it is not hard-swish.
        momentum: of batch normalisation, in Keras' convention.
        seed: of the initialisers.

    Returns:
        A built Keras model: images float32 [batch, *input_shape] in [0, 1] -> logits float32
        [batch, num_classes].

    Raises:
        ValueError: the space or the activation is unknown, or the space has no student with these
            filters.
    """
    problem, filters = problem_and_filters(architecture)
    images = keras.Input(problem.input_shape, name="images")
    logits, _ = backbone(
        images,
        problem,
        filters,
        activation=activation_of(architecture),
        momentum=momentum,
        seed=seed,
    )
    return keras.Model(images, logits, name=f"student_{problem.space.name.lower()}")


def student_taps(model: keras.Model) -> keras.Model:
    """Returns the tapped view of a student, on the same weights.

    Args:
        model: a student from `build_student`, or one loaded from `student.keras`.

    Returns:
        A Keras model: images -> {"logits": [batch, num_classes], "taps": {name: features}}. A tap is
        taken after a convolution's batch norm, and after its activation where it has one.

    Raises:
        ValueError: the model is not a student that `build_student` made.
    """
    names = {layer.name for layer in model.layers}
    taps = {}
    for layer in model.layers:
        if not layer.name.endswith("_bn"):
            continue
        name = layer.name.removesuffix("_bn")
        last = f"{name}_act" if f"{name}_act" in names else layer.name
        taps[name] = model.get_layer(last).output
    if not taps:
        raise ValueError(
            f"model {model.name!r} has no tapped convolutions: give one that build_student made."
        )
    return keras.Model(
        model.inputs[0], {"logits": model.outputs[0], "taps": taps}, name=f"{model.name}_taps"
    )
