import re
import subprocess
import sys

import pytest

from teachers.errors import TeacherError
from teachers.pytorch.zoo import ZOO, zoo_entry

ENTRIES = list(ZOO.values())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_is_whole(entry):
    assert re.fullmatch(r"[a-z0-9_]+", entry.name)
    assert entry.input_shape == {"cifar10": (32, 32, 3), "imagenet": (224, 224, 3)}[entry.dataset]
    assert entry.num_classes == {"cifar10": 10, "imagenet": 1000}[entry.dataset]
    if entry.normalization is not None:
        assert len(entry.normalization.mean) == len(entry.normalization.std) == 3
        assert all(0 < value < 1 for value in entry.normalization.mean + entry.normalization.std)
    assert (entry.clean is None) == (entry.robust is None) == (entry.claimed_by is None)
    if entry.clean is not None:
        assert 20 < entry.robust < entry.clean < 100
    assert entry.threat.startswith("Linf ")
    assert entry.paper.link.startswith("https://")
    assert entry.published.startswith("https://")
    assert str(entry.paper.year) in entry.name


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_architecture_can_be_built(entry):
    torch = pytest.importorskip("torch", reason="PyTorch is an optional extra")
    from teachers.pytorch import networks as torch_networks

    if entry.architecture in torch_networks.TORCHVISION:
        pytest.importorskip("torchvision", reason="ImageNet's networks are torchvision's")
    with torch.device("meta"):
        network = torch_networks.build(entry.architecture, entry.num_classes)
    height, width, channels = entry.input_shape
    images = torch.empty((2, channels, height, width), device="meta")
    assert network.eval()(images).shape == (2, entry.num_classes)


def test_the_table_needs_no_pytorch():
    code = "import sys, teachers.pytorch.zoo; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_wrong_name_is_answered_with_a_near_one():
    assert zoo_entry("wang2023_wrn28_10").robust == 67.31
    with pytest.raises(
        TeacherError, match=r"no 'wang2023_wrn28' .did you mean wang2023_wrn28_10\?"
    ):
        zoo_entry("wang2023_wrn28")
    with pytest.raises(TeacherError, match=r"no 'x': give one of rice2020_wrn34_10, .*wrn50_2"):
        zoo_entry("x")
