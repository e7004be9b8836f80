import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install '.[torch]'")

import teachers  # noqa: E402
from teachers.pytorch import networks as torch_networks  # noqa: E402
from teachers.pytorch.export import NormalizedNetwork, export_onnx  # noqa: E402
from teachers.pytorch.networks.cifar_resnet import BottleneckBlock, CifarResNet  # noqa: E402
from teachers.pytorch.networks.preact_resnet import PreActResNet  # noqa: E402
from teachers.pytorch.zoo_entry import InputNormalization  # noqa: E402

NORMALIZATION = InputNormalization((0.4, 0.5, 0.6), (0.2, 0.3, 0.5), clamps=True)
NETWORKS = {  # with their n_t: all convolutions but projection shortcuts
    "wide_resnet": (lambda: torch_networks.build("wide_resnet10_2", 7), 7),
    "cifar_resnet": (lambda: CifarResNet(BottleneckBlock, (1, 2, 1, 1), 7, width=3), 16),
    "preact_resnet": (lambda: PreActResNet((1, 2, 1, 1), 7, width=3), 11),
    "preact_resnet_wong": (lambda: PreActResNet((1, 2, 1, 1), 7, width=3, is_wong=True), 11),
    "deepmind_wide_resnet": (lambda: torch_networks.build("deepmind_wide_resnet10_2", 7), 7),
}


@pytest.fixture
def photographs(generator):
    return generator.random((11, 16, 24, 3), dtype=np.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_file_computes_what_pytorch_does(name, photographs, tmp_path):
    build, convolutions = NETWORKS[name]
    torch.manual_seed(5)
    network = build()
    path = tmp_path / "teacher.onnx"
    proof = export_onnx(network, path, photographs, normalization=NORMALIZATION)
    assert list(tmp_path.iterdir()) == [path]
    assert proof.images == len(photographs)
    assert proof.largest < 1e-5  # float32 sums in another order
    assert len(proof.tap_names) == convolutions
    assert set(proof.errors) >= {"logits", "logits in onnxruntime"}

    teacher = teachers.load_onnx(path, input_shape=photographs.shape[1:], num_classes=7)
    assert teacher.sha256 == proof.sha256
    assert teacher.verify(photographs).largest < 1e-5
    tensor = torch.from_numpy(photographs.transpose(0, 3, 1, 2).copy())
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in ((0.4, 0.5, 0.6), (0.2, 0.3, 0.5)))
    with torch.no_grad():
        wanted = network((tensor - mean) / std).numpy()
    found = teacher.classifier(photographs, training=False).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_one_file_of_opset_17_with_a_free_batch_and_named_convolutions(photographs, tmp_path):
    network = torch_networks.build("wide_resnet10_2", 7).train()
    proof = export_onnx(network, tmp_path / "teacher.onnx", photographs)
    model = onnx.load(tmp_path / "teacher.onnx", load_external_data=False)
    assert model.opset_import[0].version == 17
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    nodes = {node.name: node.op_type for node in model.graph.node}
    convolutions = [name for name, operator in nodes.items() if operator == "Conv"]
    assert convolutions[:2] == ["conv1", "block1_layer_0_conv1"]
    assert proof.tap_names[1] == "block1_layer_0_conv1"
    # Apart from the convolutions, so that a tap is a convolution's own output; in evaluation mode.
    assert list(nodes.values()).count("BatchNormalization") == 7
    assert not network.training


def test_export_is_deterministic(photographs, tmp_path):
    network = torch_networks.build("wide_resnet10_1", 7)
    digests = {export_onnx(network, tmp_path / f"{i}.onnx", photographs).sha256 for i in range(2)}
    assert len(digests) == 1


def test_clamping_is_part_of_the_network(photographs):
    network = torch.nn.Identity()
    beyond = torch.from_numpy(photographs.transpose(0, 3, 1, 2).copy()) * 3 - 1
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in ((0.4, 0.5, 0.6), (0.2, 0.3, 0.5)))
    clamped = NormalizedNetwork(network, NORMALIZATION)(beyond)
    torch.testing.assert_close(clamped, (beyond.clamp(0, 1) - mean) / std)
    plain = InputNormalization(NORMALIZATION.mean, NORMALIZATION.std)
    torch.testing.assert_close(NormalizedNetwork(network, plain)(beyond), (beyond - mean) / std)


class Stubborn(torch.nn.Module):
    """Computes another function whenever it is exported than it does otherwise."""

    def __init__(self):
        super().__init__()
        self.network = torch_networks.build("wide_resnet10_1", 7)

    def forward(self, images):
        logits = self.network(images)
        return logits * 1.1 if torch.onnx.is_in_onnx_export() else logits


def test_a_file_that_differs_is_refused_and_the_old_one_kept(photographs, tmp_path):
    path = tmp_path / "teacher.onnx"
    path.write_bytes(b"old")
    with pytest.raises(
        teachers.TeacherError,
        match=r"differs from PyTorch by 0\.1 relative at 'logits.*at most 0\.001",
    ):
        export_onnx(Stubborn(), path, photographs)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_network_that_does_not_fit_the_images_is_refused(photographs, tmp_path):
    network = torch.nn.Sequential(torch.nn.Conv2d(5, 2, 3))
    with pytest.raises(teachers.TeacherError, match=r"cannot export .* \[16, 24, 3\]") as failure:
        export_onnx(network, tmp_path / "teacher.onnx", photographs)
    assert "\n" not in str(failure.value)
    assert list(tmp_path.iterdir()) == []


def test_a_convolution_that_runs_twice_is_two_taps(photographs, tmp_path):
    convolution = torch.nn.Conv2d(3, 3, 3, padding=1)
    head = (torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    network = torch.nn.Sequential(convolution, torch.nn.ReLU(), convolution, *head)
    assert export_onnx(network, tmp_path / "a.onnx", photographs).tap_names == ("0", "0_2")


class Functional(torch.nn.Module):
    def forward(self, images):
        kernel = torch.ones(5, 3, 3, 3)
        return torch.nn.functional.conv2d(images, kernel).mean((2, 3))


def test_convolutions_that_cannot_be_watched_are_refused(photographs, tmp_path):
    with pytest.raises(
        teachers.TeacherError, match="exported 1 convolutions of a network that run"
    ):
        export_onnx(Functional(), tmp_path / "teacher.onnx", photographs)
    assert list(tmp_path.iterdir()) == []
