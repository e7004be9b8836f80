"""Residual networks for 32x32 images (He et al. 2016, arXiv 1512.03385), keyed as robust checkpoints.

Keys are those of the CIFAR networks in MadryLab's `robustness` library: conv1, bn1,
layer1.0.conv1 ... layer4.1.bn2, layer2.0.shortcut.0 and .1, linear.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional


def convolution(in_channels: int, channels: int, kernel_size: int, stride: int = 1) -> nn.Conv2d:
    """Returns a convolution without bias, padded so that stride 1 keeps the size."""
    return nn.Conv2d(
        in_channels, channels, kernel_size, stride, padding=kernel_size // 2, bias=False
    )


class _ResidualBlock(nn.Module):
    """What both blocks share: a projection if the residual's shape differs from the input's."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        channels_out = channels * self.expansion
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != channels_out:
            self.shortcut = nn.Sequential(
                convolution(in_channels, channels_out, 1, stride), nn.BatchNorm2d(channels_out)
            )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.residual(features) + self.shortcut(features))


class BasicBlock(_ResidualBlock):
    """Two 3x3 convolutions, the first with the stride, and a shortcut."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__(in_channels, channels, stride)
        self.conv1 = convolution(in_channels, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)

    def residual(self, features: torch.Tensor) -> torch.Tensor:
        """Returns what is added to the shortcut."""
        features = functional.relu(self.bn1(self.conv1(features)))
        return self.bn2(self.conv2(features))


class BottleneckBlock(_ResidualBlock):
    """1x1, 3x3 with the stride, 1x1 to four times the channels, and a shortcut."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__(in_channels, channels, stride)
        self.conv1 = convolution(in_channels, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3, stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = convolution(channels, channels * self.expansion, 1)
        self.bn3 = nn.BatchNorm2d(channels * self.expansion)

    def residual(self, features: torch.Tensor) -> torch.Tensor:
        """Returns what is added to the shortcut."""
        features = functional.relu(self.bn1(self.conv1(features)))
        features = functional.relu(self.bn2(self.conv2(features)))
        return self.bn3(self.conv3(features))


class CifarResNet(nn.Module):
    """A residual network with a 3x3 stem of stride 1: images [N, 3, H, W] -> logits [N, K].

    Args:
        block: `BasicBlock` or `BottleneckBlock`.
        blocks: number of blocks of each of the four network stages; their strides are 1, 2, 2, 2.
        num_classes: K.
        width: channels of the first network stage; each further one has twice as many.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[BottleneckBlock],
        blocks: Sequence[int],
        num_classes: int = 10,
        width: int = 64,
    ) -> None:
        super().__init__()
        self.conv1 = convolution(3, width, 3)
        self.bn1 = nn.BatchNorm2d(width)
        in_channels = width
        for stage, count in enumerate(blocks):
            channels = width * 2**stage
            layers = []
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                layers.append(block(in_channels, channels, stride))
                in_channels = channels * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.linear = nn.Linear(in_channels, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns logits for normalised images."""
        features = functional.relu(self.bn1(self.conv1(images)))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = stage(features)
        return self.linear(features.mean((2, 3)))
