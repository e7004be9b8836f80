import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install '.[torch]'")

from teachers.pytorch.networks.cifar_resnet import BasicBlock, BottleneckBlock, CifarResNet  # noqa: E402


def reference(weights, images, blocks, convolutions):
    features = torch.relu(weights.norm("bn1", weights.conv("conv1", images, 1, 1)))
    for stage, count in enumerate(blocks, start=1):
        for index in range(count):
            key = f"layer{stage}.{index}"
            stride = 2 if stage > 1 and index == 0 else 1
            residual = features
            for number, (size, strided) in enumerate(convolutions, start=1):
                step = stride if strided else 1
                residual = weights.conv(f"{key}.conv{number}", residual, step, size // 2)
                residual = weights.norm(f"{key}.bn{number}", residual)
                if number < len(convolutions):
                    residual = torch.relu(residual)
            if weights.has(f"{key}.shortcut.0.weight"):
                features = weights.conv(f"{key}.shortcut.0", features, stride)
                features = weights.norm(f"{key}.shortcut.1", features)
            features = torch.relu(residual + features)
    return weights.classify("linear", features)


@pytest.mark.parametrize(
    ("block", "convolutions"),
    [(BasicBlock, [(3, True), (3, False)]), (BottleneckBlock, [(1, False), (3, True), (1, False)])],
)
def test_keys_and_forward(block, convolutions, randomized, batch):
    blocks = (1, 2, 1, 1)
    network, weights = randomized(CifarResNet(block, blocks, num_classes=7, width=3))
    wanted = reference(weights, batch, blocks, convolutions)
    assert wanted.shape == (2, 7)
    torch.testing.assert_close(network(batch), wanted)  # float64
    weights.assert_all_used()


def test_published_keys():
    keys = CifarResNet(BasicBlock, (2, 2, 2, 2), width=2).state_dict()
    wanted = "conv1.weight bn1.running_mean layer1.0.conv1.weight layer4.1.bn2.bias linear.bias"
    assert set(wanted.split()) < set(keys)
    assert keys["layer2.0.shortcut.0.weight"].shape == (4, 2, 1, 1)
    assert "layer1.0.shortcut.0.weight" not in keys
