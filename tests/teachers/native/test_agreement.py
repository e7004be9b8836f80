"""The native networks against PyTorch, and against a published network in onnxruntime."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import teachers
from teachers.native import build
from teachers.native.blocks import preactivation_block
from teachers.native.network import ResidualNetwork, classifier
from teachers.native.stems import CIFAR_STEM

EPSILON = 1e-5


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="compares with PyTorch, an optional extra")


def assert_close(computed, wanted):
    # float32 sums in another order, through up to 50 layers; measured 1e-6.
    np.testing.assert_allclose(computed, wanted, atol=1e-5 * np.abs(wanted).max(), rtol=0)


def pytorch_name(layer_name):
    """Translates a layer of a native post-activation network, without what comes after "_conv"."""
    if layer_name in ("stem", "logits"):
        return {"stem": "1", "logits": "fc"}[layer_name]
    stage, block, part = layer_name.split("_")
    number = {"first": "1", "second": "2", "third": "3", "shortcut": "downsample."}[part]
    return f"layer{stage[5:]}.{int(block[5:]) - 1}.{number}"


def state_of(model):
    """Returns a native network's weights under torchvision's names, in PyTorch's axis order."""
    state = {}
    for layer in model.layers:
        if not layer.weights:
            continue
        weights = layer.get_weights()
        place, _, kind = layer.name.rpartition("_")
        *prefix, number = pytorch_name(place or layer.name).rpartition(".")
        prefix = "".join(prefix)
        if kind == "conv":
            name = f"{prefix}0" if "downsample" in prefix else f"{prefix}conv{number}"
            state[f"{name}.weight"] = weights[0].transpose(3, 2, 0, 1)
        elif kind == "bn":
            name = f"{prefix}1" if "downsample" in prefix else f"{prefix}bn{number}"
            parts = ("weight", "bias", "running_mean", "running_var")
            state |= {f"{name}.{part}": w for part, w in zip(parts, weights, strict=True)}
        else:
            state |= {"fc.weight": weights[0].T, "fc.bias": weights[1]}
    return state


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet18", (67, 71, 3)),
        ("resnet50", (13, 17, 3)),
        ("wide_resnet50_2", (67, 71, 3)),
    ],
)
def test_post_activation_networks(name, size, torch, generator, randomise_statistics):
    models = pytest.importorskip("torchvision.models", reason="compares with torchvision")
    native = randomise_statistics(build(name, 7, size))
    reference = getattr(models, name)(num_classes=7)
    if size[0] < 64:  # the CIFAR form
        reference.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        reference.maxpool = torch.nn.Identity()
    state = {key: torch.tensor(array) for key, array in state_of(native).items()}
    missing, unexpected = reference.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(key.endswith("num_batches_tracked") for key in missing)
    images = generator.random((2, *size), dtype=np.float32)
    with torch.no_grad():
        wanted = reference.eval()(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()
    assert_close(native(images, training=False), wanted)


@pytest.mark.parametrize(
    ("name", "depths"), [("preact_resnet18", (2, 2, 2, 2)), ("wide_resnet34_10", (5, 5, 5))]
)
def test_preactivation_networks(name, depths, torch, generator, randomise_statistics):
    native = randomise_statistics(build(name, 7, (13, 17, 3)))

    def weights(layer):
        return [torch.tensor(weight) for weight in native.get_layer(layer).get_weights()]

    def convolved(features, layer, stride, padding):
        kernel = weights(f"{layer}_conv")[0].permute(3, 2, 0, 1)
        return torch.nn.functional.conv2d(features, kernel, None, stride, padding)

    def activated(features, layer):
        scale, shift, mean, variance = weights(f"{layer}_bn")
        return torch.nn.functional.batch_norm(
            features, mean, variance, scale, shift, eps=EPSILON
        ).relu()

    images = generator.random((2, 13, 17, 3), dtype=np.float32)
    features = convolved(torch.tensor(images.transpose(0, 3, 1, 2).copy()), "stem", 1, 1)
    for stage, depth in enumerate(depths, start=1):
        for block in range(1, depth + 1):
            place = f"stage{stage}_block{block}"
            stride = 2 if stage > 1 and block == 1 else 1
            entry = activated(features, f"{place}_first")
            middle = activated(convolved(entry, f"{place}_first", stride, 1), f"{place}_second")
            residual = convolved(middle, f"{place}_second", 1, 1)
            if residual.shape[1] != features.shape[1]:
                features = convolved(entry, f"{place}_shortcut", stride, 0)
            features = residual + features
    kernel, bias = weights("logits")
    wanted = activated(features, "final").mean(dim=(2, 3)) @ kernel + bias
    assert_close(native(images, training=False), wanted.numpy())


def test_a_published_preactivation_network(shared_folder, run_onnx, cifar10_images):
    """Its weights, put into the native network, must give its own logits in onnxruntime."""
    path = shared_folder / "teachers" / "preact_resnet18_w32.onnx"
    native = classifier(
        ResidualNetwork(preactivation_block, (2,) * 4, (32, 64, 128, 256), 32, True),
        10,
        (32, 32, 3),
        CIFAR_STEM,
        **read_normalisation(path),
        batch_norm_momentum=0.9,
        seed=0,
        name="published",
    )
    copy_published_weights(path, native)
    assert_close(native.predict(cifar10_images, verbose=0), run_onnx(path, cifar10_images))
    assert len(teachers.from_keras(native).tap_names) == 17


def initializers(path):
    tensors = onnx.load(path).graph.initializer
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}


def read_normalisation(path):
    weights = initializers(path)
    return {key: weights[key].ravel() for key in ("mean", "std")}


def copy_published_weights(path, native):
    """Each block's second batch normalisation is folded into its first convolution there."""
    weights = initializers(path)
    norm = ("weight", "bias", "running_mean", "running_var")
    blocks = [f"stage{stage}_block{block}" for stage in range(1, 5) for block in (1, 2)]
    inputs = {node.name: node.input for node in onnx.load(path).graph.node}
    for index, block in enumerate(blocks):
        place = f"body.layers.{index}"
        native.get_layer(f"{block}_first_bn").set_weights(
            [weights[f"{place}.bn1.{part}"] for part in norm]
        )
        folded, bias = (
            weights[name] for name in inputs[f"/body/layers/layers.{index}/conv1/Conv"][1:]
        )
        native.get_layer(f"{block}_first_conv").set_weights([folded.transpose(2, 3, 1, 0)])
        ones, zeros = np.ones_like(bias), np.zeros_like(bias)
        native.get_layer(f"{block}_second_bn").set_weights([ones, bias, zeros, ones - EPSILON])
        for ours, theirs in (("second_conv", "conv2"), ("shortcut_conv", "shortcut")):
            if f"{place}.{theirs}.weight" in weights:
                kernel = weights[f"{place}.{theirs}.weight"].transpose(2, 3, 1, 0)
                native.get_layer(f"{block}_{ours}").set_weights([kernel])
    native.get_layer("stem_conv").set_weights([weights["body.conv1.weight"].transpose(2, 3, 1, 0)])
    native.get_layer("final_bn").set_weights([weights[f"body.bn.{part}"] for part in norm])
    native.get_layer("logits").set_weights(
        [weights["body.linear.weight"].T, weights["body.linear.bias"]]
    )
