"""The PyTorch networks of public robust checkpoints, by name.

To add one: write it in a file of its own with the state-dict keys of its checkpoints, add it to
`ARCHITECTURES` or `FAMILIES`, and give it a test of its keys and parameter count.
"""

import functools
import importlib
import re
from collections.abc import Callable
from types import ModuleType

import torch

from teachers.errors import TeacherError
from teachers.pytorch.networks.cifar_resnet import BasicBlock, BottleneckBlock, CifarResNet
from teachers.pytorch.networks.deepmind_preact_resnet import DeepMindPreActResNet
from teachers.pytorch.networks.deepmind_wide_resnet import DeepMindWideResNet
from teachers.pytorch.networks.preact_resnet import PreActResNet
from teachers.pytorch.networks.wide_resnet import WideResNet

ARCHITECTURES: dict[str, Callable[..., torch.nn.Module]] = {
    "cifar_resnet18": functools.partial(CifarResNet, BasicBlock, (2, 2, 2, 2)),
    "cifar_resnet50": functools.partial(CifarResNet, BottleneckBlock, (3, 4, 6, 3)),
    "preact_resnet18": functools.partial(PreActResNet, (2, 2, 2, 2)),
    "preact_resnet18_wong": functools.partial(PreActResNet, (2, 2, 2, 2), is_wong=True),
    "deepmind_preact_resnet18": functools.partial(DeepMindPreActResNet, (2, 2, 2, 2)),
}
"""Networks of this folder by name: keyword `num_classes` -> module."""

FAMILIES: dict[str, Callable[..., torch.nn.Module]] = {
    "wide_resnet": WideResNet,
    "deepmind_wide_resnet": DeepMindWideResNet,
}
"""Networks of this folder named FAMILY + DEPTH_WIDTH, such as wide_resnet34_10."""

TORCHVISION = ("resnet18", "resnet50", "wide_resnet50_2")
"""ImageNet's networks, from torchvision."""


def build(architecture: str, num_classes: int) -> torch.nn.Module:
    """Builds a network with random weights: images [N, 3, H, W], already normalised -> logits [N, K].

    Args:
        architecture: a name of `ARCHITECTURES` or `TORCHVISION`, or a family's, such as
            wide_resnet28_10.
        num_classes: K.

    Raises:
        TeacherError: there is no such architecture, the family has no such depth, or torchvision is
            not installed.
    """
    if architecture in TORCHVISION:
        return getattr(_torchvision_models(), architecture)(num_classes=num_classes)
    if architecture in ARCHITECTURES:
        return ARCHITECTURES[architecture](num_classes=num_classes)
    sized = re.fullmatch(r"([a-z_]+?)([1-9]\d*)_([1-9]\d*)", architecture)
    if sized and sized[1] in FAMILIES:
        return FAMILIES[sized[1]](int(sized[2]), int(sized[3]), num_classes=num_classes)
    known = ", ".join([*TORCHVISION, *ARCHITECTURES, *(f"{name}DEPTH_WIDTH" for name in FAMILIES)])
    raise TeacherError(f"no architecture is called {architecture!r}: give one of {known}.")


def _torchvision_models() -> ModuleType:
    try:
        return importlib.import_module("torchvision.models")
    except ImportError as error:
        raise TeacherError(
            "ImageNet's networks come from torchvision, which is not installed: "
            "pip install '.[torch]'."
        ) from error
