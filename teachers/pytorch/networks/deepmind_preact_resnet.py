"""DeepMind's pre-activation residual network with SiLU (Rebuffi et al. 2021, arXiv 2103.01946).

Keys are those of RobustBench's copy: conv_2d, layer_0.0.batchnorm_0, .conv_2d_1, .batchnorm_1,
.conv_2d_2, .shortcut, ..., batchnorm, logits. A shortcut is a 3x3 convolution of the block's input
before the activation.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from teachers.pytorch.networks.deepmind_wide_resnet import PaddedConvolution


class _Block(nn.Module):
    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.batchnorm_0 = nn.BatchNorm2d(in_channels)
        self.conv_2d_1 = PaddedConvolution(in_channels, channels, stride)
        self.batchnorm_1 = nn.BatchNorm2d(channels)
        self.conv_2d_2 = PaddedConvolution(channels, channels, 1)
        self.shortcut = None
        if stride != 1 or in_channels != channels:
            self.shortcut = PaddedConvolution(in_channels, channels, stride)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        active = functional.silu(self.batchnorm_0(features))
        residual = self.conv_2d_1(active)
        residual = self.conv_2d_2(functional.silu(self.batchnorm_1(residual)))
        if self.shortcut is not None:
            features = self.shortcut(features)
        return residual + features


class DeepMindPreActResNet(nn.Module):
    """A pre-activation network with a 3x3 stem: images [N, 3, H, W] -> logits [N, K].

    Args:
        blocks: number of blocks of each of the four network stages; their strides are 1, 2, 2, 2.
        num_classes: K.
        width: channels of the first network stage; each further one has twice as many.
    """

    def __init__(self, blocks: Sequence[int], num_classes: int = 10, width: int = 64) -> None:
        super().__init__()
        self.conv_2d = PaddedConvolution(3, width, 1)
        in_channels = width
        for stage, count in enumerate(blocks):
            channels = width * 2**stage
            layers = []
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                layers.append(_Block(in_channels, channels, stride))
                in_channels = channels
            self.add_module(f"layer_{stage}", nn.Sequential(*layers))
        self.batchnorm = nn.BatchNorm2d(in_channels)
        self.logits = nn.Linear(in_channels, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns logits for normalised images."""
        features = self.conv_2d(images)
        for stage in (self.layer_0, self.layer_1, self.layer_2, self.layer_3):
            features = stage(features)
        return self.logits(functional.silu(self.batchnorm(features)).mean((2, 3)))
