"""The paper's teachers as native Keras networks, by name, for adversarial training from scratch.

He et al. 2016 (ResNet; the pre-activation form is "Identity Mappings"), Zagoruyko and Komodakis 2016
(wide ResNet). The geometry is PyTorch's; a bottleneck has its stride in the 3x3 convolution (v1.5).
"""

from collections.abc import Sequence
from functools import partial

import keras

from rnascl_tf.errors import first_line
from teachers.errors import TeacherError
from teachers.native.blocks import basic_block, bottleneck_block, preactivation_block
from teachers.native.network import ResidualNetwork, classifier
from teachers.native.stems import CIFAR_STEM, IMAGENET_STEM, stem_for

STEMS = {"cifar": CIFAR_STEM, "imagenet": IMAGENET_STEM}
"""Values of `stem`: 3x3 at full resolution, or 7x7 with stride 2 and a pool with stride 2."""

NETWORKS = {
    "resnet18": ResidualNetwork(basic_block, (2, 2, 2, 2), (64, 128, 256, 512), 64),
    "resnet50": ResidualNetwork(
        partial(bottleneck_block, expansion=4), (3, 4, 6, 3), (64, 128, 256, 512), 64
    ),
    "wide_resnet50_2": ResidualNetwork(
        partial(bottleneck_block, expansion=2), (3, 4, 6, 3), (128, 256, 512, 1024), 64
    ),
    # As TRADES (Zhang 2019) and Rice 2020 train them: known with the CIFAR stem only.
    "wide_resnet34_10": ResidualNetwork(
        preactivation_block, (5, 5, 5), (160, 320, 640), 16, is_preactivated=True
    ),
    "preact_resnet18": ResidualNetwork(
        preactivation_block, (2, 2, 2, 2), (64, 128, 256, 512), 64, is_preactivated=True
    ),
}
"""Each network that `build` knows, by name."""


def build(
    name: str,
    num_classes: int,
    input_shape: Sequence[int],
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    batch_norm_momentum: float = 0.9,
    seed: int = 0,
    stem: str | None = None,
) -> keras.Model:
    """Builds an untrained network.

    Convolutions start He-normal by fan-out, the dense layer N(0, 0.01), batch normalisation at
    scale 1 and shift 0 with epsilon 1e-5.

    Args:
        name: one of `NETWORKS`.
        num_classes: number of logits, at least 2.
        input_shape: (height, width, channels) of the images, of any size.
        mean: per channel in [0, 1] pixel units, for a normalisation inside; None for no normalisation.
        std: likewise, positive.
        batch_norm_momentum: weight of the old statistics per step (Keras' convention); 0.9 is
            PyTorch's default.
        seed: every layer's initializer is seeded from it and from the layer's name.
        stem: "cifar" or "imagenet"; None takes "imagenet" for a network that has it when both
            sides have at least 64 pixels. Pre-activation networks have "cifar" only.

    Returns:
        a functional model called `name`, float32 images [N, height, width, channels] in [0, 1] ->
        logits [N, num_classes]; batch normalisation depends on the `training` argument.

    Raises:
        TeacherError: the name is unknown or an argument does not fit.
    """
    if name not in NETWORKS:
        raise TeacherError(f"unknown network {name!r}; choose one of {', '.join(NETWORKS)}.")
    network = NETWORKS[name]
    if stem is not None and stem not in STEMS:
        raise TeacherError(f"unknown stem {stem!r}; choose one of {', '.join(STEMS)}, or None.")
    if stem == "imagenet" and network.is_preactivated:
        raise TeacherError(f"{name} has no stem 'imagenet'; give 'cifar' or None.")
    try:
        return classifier(
            network,
            num_classes,
            input_shape,
            STEMS[stem] if stem else stem_for(input_shape, network.is_preactivated),
            mean=mean,
            std=std,
            batch_norm_momentum=batch_norm_momentum,
            seed=seed,
            name=name,
        )
    except ValueError as error:
        raise TeacherError(f"{name} cannot be built: {first_line(error)}") from error
