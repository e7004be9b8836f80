import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install '.[torch]'")

from teachers.pytorch.networks.deepmind_wide_resnet import DeepMindWideResNet, PaddedConvolution  # noqa: E402

functional = torch.nn.functional


def test_strided_padding_is_below_and_to_the_right():
    convolution = PaddedConvolution(1, 1, 2)
    kernel = torch.arange(9.0).reshape(1, 1, 3, 3)
    convolution.weight.data.copy_(kernel)
    image = torch.zeros(1, 1, 4, 6)
    image[0, 0, 0, 0] = 1  # seen by the first window's first tap, as no zero stands before it
    image[0, 0, 3, 5] = 10  # seen by the last window, one off its middle: row 1, column 1
    wanted = torch.zeros(1, 1, 2, 3)
    wanted[0, 0, 0, 0] = kernel[0, 0, 0, 0]
    wanted[0, 0, 1, 2] = 10 * kernel[0, 0, 1, 1]
    torch.testing.assert_close(convolution(image), wanted)


def reference(weights, images, count):
    features = weights.conv("init_conv", images, 1, 1)
    for group in range(3):
        for index in range(count):
            key = f"layer.{group}.block.{index}"
            stride = 2 if group > 0 and index == 0 else 1
            active = functional.silu(weights.norm(f"{key}.batchnorm_0", features))
            before = 1 if stride == 1 else 0
            padded = functional.pad(active, (before, 1, before, 1))
            residual = weights.conv(f"{key}.conv_0", padded, stride)
            residual = functional.silu(weights.norm(f"{key}.batchnorm_1", residual))
            residual = weights.conv(f"{key}.conv_1", residual, 1, 1)
            if weights.has(f"{key}.shortcut.weight"):
                features = weights.conv(f"{key}.shortcut", active, stride)
            features = residual + features
    return weights.classify("logits", functional.silu(weights.norm("batchnorm", features)))


def test_keys_and_forward(randomized, batch):
    network, weights = randomized(DeepMindWideResNet(16, 2, num_classes=7))
    torch.testing.assert_close(network(batch), reference(weights, batch, 2))
    weights.assert_all_used()
