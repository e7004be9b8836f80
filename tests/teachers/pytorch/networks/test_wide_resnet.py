import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install '.[torch]'")

from teachers.errors import TeacherError  # noqa: E402
from teachers.pytorch.networks.wide_resnet import WideResNet, blocks_per_group  # noqa: E402


def reference(weights, images, count):
    features = weights.conv("conv1", images, 1, 1)
    for group in (1, 2, 3):
        for index in range(count):
            key = f"block{group}.layer.{index}"
            stride = 2 if group > 1 and index == 0 else 1
            active = torch.relu(weights.norm(f"{key}.bn1", features))
            residual = weights.conv(f"{key}.conv1", active, stride, 1)
            residual = torch.relu(weights.norm(f"{key}.bn2", residual))
            residual = weights.conv(f"{key}.conv2", residual, 1, 1)
            if weights.has(f"{key}.convShortcut.weight"):
                features = weights.conv(f"{key}.convShortcut", active, stride)
            features = residual + features
    return weights.classify("fc", torch.relu(weights.norm("bn1", features)))


@pytest.mark.parametrize("width", [1, 2])  # width 1 has no projection in the first group
def test_keys_and_forward(width, randomized, batch):
    network, weights = randomized(WideResNet(16, width, num_classes=7))
    torch.testing.assert_close(network(batch), reference(weights, batch, 2))
    weights.assert_all_used()


@pytest.mark.parametrize(("depth", "blocks"), [(10, 1), (28, 4), (34, 5), (70, 11), (94, 15)])
def test_depths(depth, blocks):
    assert blocks_per_group(depth) == blocks


@pytest.mark.parametrize("depth", [4, 32, 50])
def test_other_depths_are_refused(depth):
    with pytest.raises(TeacherError, match=f"of depth {depth} does not exist: give 10, 16"):
        WideResNet(depth, 2)
