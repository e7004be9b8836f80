import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install '.[torch]'")

from teachers.errors import TeacherError  # noqa: E402
from teachers.pytorch import networks as torch_networks  # noqa: E402

# Trainable numbers for 10 classes; the ResNets as kuangliu's pytorch-cifar counts them, the wide ones
# as their papers round them: 46.2M, 36.5M (arXiv 1605.07146), 366M (arXiv 2404.09349).
PARAMETERS = {
    "cifar_resnet18": 11_173_962,
    "cifar_resnet50": 23_520_842,
    "preact_resnet18": 11_172_170,
    "preact_resnet18_wong": 11_171_146,
    "deepmind_preact_resnet18": 12_548_426,
    "wide_resnet34_10": 46_160_474,
    "deepmind_wide_resnet28_10": 36_479_194,
    "deepmind_wide_resnet94_16": 365_915_610,
}
# torchvision's documentation, 1,000 classes.
IMAGENET_PARAMETERS = {
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "wide_resnet50_2": 68_883_240,
}


def count(architecture, num_classes):
    with torch.device("meta"):  # shapes without memory
        network = torch_networks.build(architecture, num_classes)
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("architecture", PARAMETERS)
def test_published_sizes(architecture):
    assert count(architecture, 10) == PARAMETERS[architecture]


@pytest.mark.parametrize("architecture", IMAGENET_PARAMETERS)
def test_imagenet_sizes(architecture):
    pytest.importorskip("torchvision", reason="ImageNet's networks are torchvision's")
    assert count(architecture, 1000) == IMAGENET_PARAMETERS[architecture]


@pytest.mark.parametrize(
    "name", ["resnet19", "wide_resnet34", "wide_resnet34_0", "widest34_10", ""]
)
def test_other_names_are_refused(name):
    with pytest.raises(TeacherError, match=f"no architecture is called '{name}': give one of res"):
        torch_networks.build(name, 10)
