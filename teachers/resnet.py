"""A native residual network for small images (He et al. 2016, basic blocks, CIFAR layout).

Small enough to be trained adversarially here; geometry and initialisation follow PyTorch.
"""

import zlib
from collections.abc import Sequence

import keras

from teachers.normalization import PixelNormalization

BATCH_NORM_EPSILON = 1e-5


def resnet(
    num_classes: int,
    input_shape: Sequence[int],
    widths: Sequence[int] = (16, 32, 64),
    blocks: Sequence[int] = (1, 1, 1),
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    stem_stride: int = 1,
    *,
    batch_norm_momentum: float = 0.9,
    seed: int = 0,
    name: str = "resnet",
) -> keras.Model:
    """Builds the network: 3x3 stem, stages of basic blocks, global average pool, dense.

    A block is conv-bn-relu-conv-bn plus its input, then relu; where the shape changes the input
    passes a 1x1 convolution and bn. Each stage but the first halves the resolution.

    Args:
        num_classes: number of logits, at least 2.
        input_shape: (height, width, channels) of the images.
        widths: filters of each stage; the stem has those of the first.
        blocks: blocks of each stage, as many numbers as `widths`.
        mean: per channel in [0, 1] pixel units, for a normalisation inside; None for none.
        std: likewise, positive.
        stem_stride: 1 or 2; 2 is the cheap choice.
        batch_norm_momentum: weight of the old statistics per step (Keras' convention); 0.9 is
            PyTorch's default and suits runs of a few hundred steps.
        seed: every layer's initialiser is seeded from it and from the layer's name.
        name: of the model.

    Returns:
        a functional model, float32 images [N, height, width, channels] in [0, 1] -> logits
        [N, num_classes]; batch normalisation obeys the `training` argument.

    Raises:
        ValueError: lengths or sizes do not fit.
    """
    if len(widths) != len(blocks) or not widths or min(*widths, *blocks) < 1:
        raise ValueError(
            f"widths and blocks need one positive number per stage each, got {widths} and {blocks}."
        )
    if num_classes < 2 or stem_stride not in (1, 2):
        raise ValueError(
            f"num_classes must be at least 2 and stem_stride 1 or 2, got {num_classes} and "
            f"{stem_stride}."
        )
    if (mean is None) != (std is None):
        raise ValueError(f"give both mean and std or neither, got {mean} and {std}.")
    layers = _Layers(seed, batch_norm_momentum)
    images = keras.Input(tuple(input_shape), name="images")
    features = images
    if mean is not None:
        features = PixelNormalization(mean, std, name="normalization")(features)
    features = layers.convolution(features, widths[0], 3, stem_stride, "stem")
    features = keras.layers.ReLU(name="stem_relu")(features)
    for stage, (width, depth) in enumerate(zip(widths, blocks, strict=True), start=1):
        for block in range(1, depth + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            features = layers.basic_block(features, width, stride, f"stage{stage}_block{block}")
    features = keras.layers.GlobalAveragePooling2D(name="pool")(features)
    logits = keras.layers.Dense(
        num_classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01, seed=layers.seed("logits")),
        name="logits",
    )(features)
    return keras.Model(images, logits, name=name)


class _Layers:
    """Makes the network's layers, each with its own seed."""

    def __init__(self, seed, momentum):
        self._seed = seed
        self._momentum = momentum

    def seed(self, layer_name):
        # By name and not by position: a change in one layer leaves the others' weights alone.
        return zlib.crc32(f"{self._seed}/{layer_name}".encode())

    def convolution(self, features, filters, kernel_size, stride, name):
        """Convolution without bias, then batch normalisation."""
        padding = "same"
        if stride > 1 and kernel_size > 1:  # SAME would pad one side only, unlike PyTorch
            features = keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(features)
            padding = "valid"
        features = keras.layers.Conv2D(
            filters,
            kernel_size,
            strides=stride,
            padding=padding,
            use_bias=False,
            kernel_initializer=keras.initializers.VarianceScaling(
                2.0, "fan_out", "untruncated_normal", seed=self.seed(name)
            ),
            name=f"{name}_conv",
        )(features)
        return keras.layers.BatchNormalization(
            momentum=self._momentum, epsilon=BATCH_NORM_EPSILON, name=f"{name}_bn"
        )(features)

    def basic_block(self, features, filters, stride, name):
        """Two 3x3 convolutions and a shortcut."""
        residual = self.convolution(features, filters, 3, stride, f"{name}_first")
        residual = keras.layers.ReLU(name=f"{name}_first_relu")(residual)
        residual = self.convolution(residual, filters, 3, 1, f"{name}_second")
        if stride != 1 or features.shape[-1] != filters:
            features = self.convolution(features, filters, 1, stride, f"{name}_shortcut")
        total = keras.layers.Add(name=f"{name}_add")([residual, features])
        return keras.layers.ReLU(name=f"{name}_relu")(total)
