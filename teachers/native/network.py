"""A residual classifier from its block, depths and widths: stem, stages, global pool, dense."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras

from rnascl_tf.layers.pixel_normalization import PixelNormalization
from teachers.native.layers import SeededLayers
from teachers.native.stems import Stem


@dataclass(frozen=True)
class ResidualNetwork:
    """One residual network.

    Attributes:
        block: one of the functions in `teachers.native.blocks`.
        blocks: number of blocks of each network stage; all but the first halve the resolution.
        widths: filters of the 3x3 convolutions of each network stage.
        stem_width: filters of the stem.
        is_preactivated: whether batch normalisation and relu come before convolutions. The stem is
            then a convolution alone, and both follow the last block.
    """

    block: Callable[[SeededLayers, keras.KerasTensor, int, int, str], keras.KerasTensor]
    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    stem_width: int
    is_preactivated: bool = False


def classifier(
    network: ResidualNetwork,
    num_classes: int,
    input_shape: Sequence[int],
    stem: Stem,
    *,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    batch_norm_momentum: float,
    seed: int,
    name: str,
) -> keras.Model:
    """Builds a network; the arguments are those of `teachers.native.build`.

    Raises:
        ValueError: there are fewer than 2 classes, `input_shape` is not three positive sizes, or
            mean and std do not fit each other or the images.
    """
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}.")
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ValueError(f"input_shape must be (height, width, channels), got {input_shape}.")
    if (mean is None) != (std is None):
        raise ValueError(f"give both mean and std or neither, got {mean} and {std}.")
    layers = SeededLayers(seed, batch_norm_momentum)
    images = keras.Input(tuple(input_shape), name="images")
    features = images
    if mean is not None and std is not None:
        features = PixelNormalization(mean, std, name="normalization")(features)
    features = layers.convolution(
        features, network.stem_width, stem.kernel_size, stem.stride, "stem"
    )
    if not network.is_preactivated:
        features = layers.relu(layers.batch_norm(features, "stem"), "stem")
    if stem.has_pool:
        features = layers.max_pool(features, "stem")
    stages = zip(network.widths, network.blocks, strict=True)
    for stage, (width, depth) in enumerate(stages, start=1):
        for block in range(1, depth + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            features = network.block(layers, features, width, stride, f"stage{stage}_block{block}")
    if network.is_preactivated:
        features = layers.relu(layers.batch_norm(features, "final"), "final")
    return keras.Model(images, layers.logits(features, num_classes), name=name)
