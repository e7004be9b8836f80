"""A native residual network for small images (He et al. 2016, basic blocks, CIFAR layout).

Small enough to be trained adversarially on a CPU; geometry and initialisation follow PyTorch.
"""

from collections.abc import Sequence

import keras

from teachers.native.blocks import basic_block
from teachers.native.network import ResidualNetwork, classifier
from teachers.native.stems import Stem


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
    """Builds the network: 3x3 stem, network stages of basic blocks, global average pool, dense.

    A block is conv-bn-relu-conv-bn plus its input, then relu; if the shape changes, the input
    passes a 1x1 convolution and bn. Each network stage but the first halves the resolution.

    Args:
        num_classes: number of logits, at least 2.
        input_shape: (height, width, channels) of the images.
        widths: filters of each network stage; the stem has those of the first.
        blocks: number of blocks of each network stage, as many numbers as `widths`.
        mean: per channel in [0, 1] pixel units, for a normalisation inside; None for no normalisation.
        std: likewise, positive.
        stem_stride: 1 or 2; 2 costs less.
        batch_norm_momentum: weight of the old statistics per step (Keras' convention); 0.9 is
            PyTorch's default and suits runs of a few hundred steps.
        seed: every layer's initializer is seeded from it and from the layer's name.
        name: of the model.

    Returns:
        a functional model, float32 images [N, height, width, channels] in [0, 1] -> logits
        [N, num_classes]; batch normalisation depends on the `training` argument.

    Raises:
        ValueError: lengths or sizes do not fit.
    """
    if len(widths) != len(blocks) or not widths or min(*widths, *blocks) < 1:
        raise ValueError(
            "widths and blocks need one positive number per network stage each, got "
            f"{widths} and {blocks}."
        )
    if stem_stride not in (1, 2):
        raise ValueError(f"stem_stride must be 1 or 2, got {stem_stride}.")
    return classifier(
        ResidualNetwork(basic_block, tuple(blocks), tuple(widths), widths[0]),
        num_classes,
        input_shape,
        Stem(kernel_size=3, stride=stem_stride, has_pool=False),
        mean=mean,
        std=std,
        batch_norm_momentum=batch_norm_momentum,
        seed=seed,
        name=name,
    )
