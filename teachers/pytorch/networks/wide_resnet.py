"""Wide residual networks (Zagoruyko and Komodakis 2016, arXiv 1605.07146), keyed as in TRADES.

Keys: conv1, block1.layer.0.bn1, .conv1, .bn2, .conv2, .convShortcut, ..., bn1, fc. TRADES and what is
built on it (Carmon 2019) also store a group `sub_block1` that their networks never run.
"""

import torch
from torch import nn
from torch.nn import functional

from teachers.errors import TeacherError
from teachers.pytorch.networks.cifar_resnet import convolution

GROUPS = 3


def blocks_per_group(depth: int) -> int:
    """Returns how many blocks of two convolutions each group of a wide network of that depth has.

    Raises:
        TeacherError: no whole number of them makes that depth.
    """
    blocks, rest = divmod(depth - 4, 2 * GROUPS)
    if rest or blocks < 1:
        raise TeacherError(
            f"a wide residual network of depth {depth} does not exist: give 10, 16, 22, 28, 34, ..."
        )
    return blocks


class _Block(nn.Module):
    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = convolution(in_channels, channels, 3, stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3)
        # The name is the checkpoints'.
        self.convShortcut = None
        if in_channels != channels:
            self.convShortcut = convolution(in_channels, channels, 1, stride)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        active = functional.relu(self.bn1(features))
        residual = self.conv2(functional.relu(self.bn2(self.conv1(active))))
        shortcut = features if self.convShortcut is None else self.convShortcut(active)
        return shortcut + residual


class _Group(nn.Module):
    def __init__(self, count: int, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        first = _Block(in_channels, channels, stride)
        self.layer = nn.Sequential(
            first, *(_Block(channels, channels, 1) for _ in range(count - 1))
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layer(features)


class WideResNet(nn.Module):
    """A pre-activation network of three wide groups: images [N, 3, H, W] -> logits [N, K].

    Args:
        depth: 4 more than a multiple of 6; WRN-34-10 has depth 34.
        width: factor of the groups' channels 16, 32, 64.
        num_classes: K.

    Raises:
        TeacherError: no network has that depth.
    """

    def __init__(self, depth: int, width: int, num_classes: int = 10) -> None:
        super().__init__()
        count = blocks_per_group(depth)
        self.conv1 = convolution(3, 16, 3)
        self.block1 = _Group(count, 16, 16 * width, 1)
        self.block2 = _Group(count, 16 * width, 32 * width, 2)
        self.block3 = _Group(count, 32 * width, 64 * width, 2)
        self.bn1 = nn.BatchNorm2d(64 * width)
        self.fc = nn.Linear(64 * width, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns logits for normalised images."""
        features = self.block3(self.block2(self.block1(self.conv1(images))))
        return self.fc(functional.relu(self.bn1(features)).mean((2, 3)))
