import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install '.[torch]'")

from teachers.pytorch.networks.preact_resnet import PreActResNet  # noqa: E402


def reference(weights, images, blocks, is_wong):
    features = weights.conv("conv1", images, 1, 1)
    for stage, count in enumerate(blocks, start=1):
        for index in range(count):
            key = f"layer{stage}.{index}"
            stride = 2 if stage > 1 and index == 0 else 1
            active = torch.relu(weights.norm(f"{key}.bn1", features))
            residual = weights.conv(f"{key}.conv1", active, stride, 1)
            residual = torch.relu(weights.norm(f"{key}.bn2", residual))
            residual = weights.conv(f"{key}.conv2", residual, 1, 1)
            if weights.has(f"{key}.shortcut.0.weight"):
                source = features if is_wong else active
                features = weights.conv(f"{key}.shortcut.0", source, stride)
            features = residual + features
    if not is_wong:
        features = torch.relu(weights.norm("bn", features))
    return weights.classify("linear", features)


@pytest.mark.parametrize("is_wong", [False, True])
def test_keys_and_forward(is_wong, randomized, batch):
    blocks = (1, 2, 1, 1)
    network, weights = randomized(PreActResNet(blocks, num_classes=7, width=3, is_wong=is_wong))
    torch.testing.assert_close(network(batch), reference(weights, batch, blocks, is_wong))
    weights.assert_all_used()
    assert weights.has("bn.weight") != is_wong
