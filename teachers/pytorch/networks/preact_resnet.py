"""Pre-activation residual networks for 32x32 images (He et al. 2016, arXiv 1603.05027), two dialects.

Keys are those of Rice et al. 2020 (robust_overfitting): conv1, layer1.0.bn1, layer1.0.conv1 ...,
layer2.0.shortcut.0, bn, linear. Wong et al. 2020 (fast_adversarial) has no `bn`, and its shortcuts
read the block's input before the activation.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from teachers.pytorch.networks.cifar_resnet import convolution


class _Block(nn.Module):
    def __init__(self, in_channels: int, channels: int, stride: int, is_wong: bool) -> None:
        super().__init__()
        self.is_wong = is_wong
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = convolution(in_channels, channels, 3, stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3)
        self.shortcut = None
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.Sequential(convolution(in_channels, channels, 1, stride))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        active = functional.relu(self.bn1(features))
        residual = self.conv2(functional.relu(self.bn2(self.conv1(active))))
        if self.shortcut is not None:
            features = self.shortcut(features if self.is_wong else active)
        return residual + features


class PreActResNet(nn.Module):
    """A pre-activation network with a 3x3 stem: images [N, 3, H, W] -> logits [N, K].

    Args:
        blocks: number of blocks of each of the four network stages; their strides are 1, 2, 2, 2.
        num_classes: K.
        width: channels of the first network stage; each further one has twice as many.
        is_wong: build Wong's dialect, not Rice's.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        num_classes: int = 10,
        width: int = 64,
        is_wong: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = convolution(3, width, 3)
        in_channels = width
        for stage, count in enumerate(blocks):
            channels = width * 2**stage
            layers = []
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                layers.append(_Block(in_channels, channels, stride, is_wong))
                in_channels = channels
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.bn = None if is_wong else nn.BatchNorm2d(in_channels)
        self.linear = nn.Linear(in_channels, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns logits for normalised images."""
        features = self.conv1(images)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = stage(features)
        if self.bn is not None:
            features = functional.relu(self.bn(features))
        return self.linear(features.mean((2, 3)))
