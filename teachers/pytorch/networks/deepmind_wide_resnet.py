"""DeepMind's wide residual networks with SiLU (Gowal et al. 2020, arXiv 2010.03593).

Keys are those of RobustBench's copy: init_conv, layer.0.block.0.batchnorm_0, .conv_0, .batchnorm_1,
.conv_1, .shortcut, ..., batchnorm, logits. They differ from TRADES' in the activation and in the
padding of strided convolutions, which is JAX's: one row below and one column to the right.
"""

import torch
from torch import nn
from torch.nn import functional

from teachers.pytorch.networks.wide_resnet import blocks_per_group


class PaddedConvolution(nn.Conv2d):
    """A 3x3 convolution without bias, padded as JAX's "SAME": stride 2 wants even height and width."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__(
            in_channels, channels, 3, stride, padding=1 if stride == 1 else 0, bias=False
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Returns [N, channels, H / stride, W / stride] for features [N, in_channels, H, W]."""
        if self.stride == (2, 2):
            features = functional.pad(features, (0, 1, 0, 1))
        return super().forward(features)


class _Block(nn.Module):
    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.batchnorm_0 = nn.BatchNorm2d(in_channels)
        self.conv_0 = PaddedConvolution(in_channels, channels, stride)
        self.batchnorm_1 = nn.BatchNorm2d(channels)
        self.conv_1 = PaddedConvolution(channels, channels, 1)
        self.shortcut = None
        if in_channels != channels:
            self.shortcut = nn.Conv2d(in_channels, channels, 1, stride, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        active = functional.silu(self.batchnorm_0(features))
        residual = self.conv_0(active)
        residual = self.conv_1(functional.silu(self.batchnorm_1(residual)))
        shortcut = features if self.shortcut is None else self.shortcut(active)
        return shortcut + residual


class _Group(nn.Module):
    def __init__(self, count: int, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        first = _Block(in_channels, channels, stride)
        self.block = nn.Sequential(
            first, *(_Block(channels, channels, 1) for _ in range(count - 1))
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.block(features)


class DeepMindWideResNet(nn.Module):
    """A pre-activation network of three wide groups: images [N, 3, H, W] -> logits [N, K].

    Args:
        depth: 4 more than a multiple of 6.
        width: factor of the groups' channels 16, 32, 64.
        num_classes: K.

    Raises:
        TeacherError: no network has that depth.
    """

    def __init__(self, depth: int, width: int, num_classes: int = 10) -> None:
        super().__init__()
        count = blocks_per_group(depth)
        self.init_conv = PaddedConvolution(3, 16, 1)
        self.layer = nn.Sequential(
            _Group(count, 16, 16 * width, 1),
            _Group(count, 16 * width, 32 * width, 2),
            _Group(count, 32 * width, 64 * width, 2),
        )
        self.batchnorm = nn.BatchNorm2d(64 * width)
        self.logits = nn.Linear(64 * width, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns logits for normalised images."""
        features = self.layer(self.init_conv(images))
        return self.logits(functional.silu(self.batchnorm(features)).mean((2, 3)))
