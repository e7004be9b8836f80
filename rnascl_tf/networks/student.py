"""The slim student that a search decided on, rebuilt from its architecture (DESIGN section 4)."""

import keras

from rnascl_tf.networks.architecture import activation_of, problem_and_filters
from rnascl_tf.networks.backbone import backbone
from rnascl_tf.networks.supernet import PAPER_MOMENTUM


def build_student(architecture, *, momentum=PAPER_MOMENTUM, seed=0):
    """Builds a student with concrete widths.

    Args:
        architecture: an `Architecture`, or a mapping with `space`, `filters`, `num_classes`,
            `input_shape`, and `activation` where it is not hard-swish.
        momentum: of batch normalisation, in Keras' convention.
        seed: integer of the initialisers.

    Returns:
        A built Keras model: images float32 [batch, *input_shape] in [0, 1] -> logits float32
        [batch, num_classes].

    Raises:
        ValueError: the space or the activation is unknown, or the filters are none of the space's
            students'.
    """
    problem, filters = problem_and_filters(architecture)
    space = problem.space
    images = keras.Input(problem.input_shape, name="images")
    logits, _ = backbone(
        images,
        space.blocks(filters),
        space.head,
        space.stem_filters,
        problem.num_classes,
        activation=activation_of(architecture),
        momentum=momentum,
        seed=seed,
    )
    return keras.Model(images, logits, name=f"student_{space.name.lower()}")


def student_taps(model):
    """Returns the tapped view of a student, on the same weights.

    Args:
        model: a student from `build_student`, or one loaded from `student.keras`.

    Returns:
        A Keras model: images -> {"logits": [batch, num_classes], "taps": {name: features}}. A tap is
        taken after a convolution's batch norm, and after its activation where it has one.

    Raises:
        ValueError: the model is no student of this package.
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
