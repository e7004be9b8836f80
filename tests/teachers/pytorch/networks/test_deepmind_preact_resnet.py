import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install '.[torch]'")

from teachers.pytorch.networks.deepmind_preact_resnet import DeepMindPreActResNet  # noqa: E402

functional = torch.nn.functional


def reference(weights, images, blocks):
    features = weights.conv("conv_2d", images, 1, 1)
    for stage, count in enumerate(blocks):
        for index in range(count):
            key = f"layer_{stage}.{index}"
            stride = 2 if stage > 0 and index == 0 else 1
            before = 1 if stride == 1 else 0
            padding = (before, 1, before, 1)
            active = functional.silu(weights.norm(f"{key}.batchnorm_0", features))
            residual = weights.conv(f"{key}.conv_2d_1", functional.pad(active, padding), stride)
            residual = functional.silu(weights.norm(f"{key}.batchnorm_1", residual))
            residual = weights.conv(f"{key}.conv_2d_2", residual, 1, 1)
            if weights.has(f"{key}.shortcut.weight"):
                padded = functional.pad(features, padding)
                features = weights.conv(f"{key}.shortcut", padded, stride)
            features = residual + features
    return weights.classify("logits", functional.silu(weights.norm("batchnorm", features)))


def test_keys_and_forward(randomized, batch):
    blocks = (1, 2, 1, 1)
    network, weights = randomized(DeepMindPreActResNet(blocks, num_classes=7, width=3))
    torch.testing.assert_close(network(batch), reference(weights, batch, blocks))
    weights.assert_all_used()
