"""Networks as PyTorch's two exporters write them: committed files, and others where PyTorch is."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import teachers
from teachers.onnx_import.convert import convert
from teachers.onnx_import.graph import read_onnx

FOLDER = Path(__file__).parent / "onnx_files"
SCRIPT = Path(__file__).parent / "make_onnx_files.py"
COMMITTED = sorted(path.stem for path in FOLDER.glob("*.onnx"))
FORMS = [  # shortcut, ending, exporter and opset; "all" of the script makes 45 of them
    *("pad_view_legacy17", "pad_flatten_legacy17_fixed", "pad_mean_legacy17", "pad_axes_dynamo18"),
    *("pad_squeeze_legacy17", "pad_reshape_legacy17_fixed", "pool_view_legacy10"),
    *("pool_view_legacy11_fixed", "pool_view_legacy20", "zeros_flatten_dynamo20"),
]
TAPS = {  # by network: convolutions on the main path, projection shortcuts
    "resnet18": (17, 3),
    "resnet50": (49, 4),
    "wrn50": (49, 4),
    "wrn34": (31, 3),
    "preact18": (17, 3),
}
PAPER = [
    *("resnet18_legacy17", "resnet18_unfused_legacy17", "resnet18_unfused_dynamo18"),
    *("resnet50_legacy17", "wrn50_unfused_legacy17", "preact18_legacy17"),
    *("wrn34_legacy17", "wrn34_unfused_legacy17", "wrn34_dynamo18"),
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Exports in a process of its own: PyTorch's triton aborts one that TensorFlow is loaded in."""
    for package in ("torch", "torchvision", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not there, which exports networks: pip install '.[torch]'")
    folder = tmp_path_factory.mktemp("exported")
    command = [sys.executable, str(SCRIPT), str(folder), *FORMS, *PAPER]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def check(folder, name):
    """Compares with onnxruntime, tap by tap, and with what PyTorch computed."""
    expected = np.load(folder / "expected.npz")
    teacher = teachers.load_onnx(folder / f"{name}.onnx")
    assert teacher.verify(expected["images"]).largest < 1e-5  # float32 sums in another order: 1e-6
    logits, wanted = teacher.classifier(expected["images"]).numpy(), expected[name]
    if "softmax" in name:  # left out on import
        logits = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        wanted = wanted if name.startswith("log") else np.log(wanted)
    np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    return teacher


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_files(name, tmp_path):
    # Plain files: Bazel puts links here, and weights behind a link are refused.
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    teacher = check(tmp_path, name)
    assert len(teacher.tap_names) == (17 if name.startswith("preact18") else 2)


def test_committed_files_are_small_and_as_many_as_the_script_names():
    assert len(COMMITTED) == 8
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 300_000


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_the_exporters(name, exported):
    assert len(check(exported, name).tap_names) == 2


@pytest.mark.parametrize("name", PAPER)
def test_taps_of_the_papers_teachers(name, exported):
    path = exported / f"{name}.onnx"
    network = convert(name, read_onnx(path), (8, 12, 3), None)
    main, shortcuts = TAPS[name.split("_")[0]]
    assert len(network.shortcuts) == shortcuts
    assert len(network.convolutions) == main + shortcuts


@pytest.mark.parametrize("name", ["resnet18_legacy17", "wrn34_dynamo18"])
def test_the_papers_teachers_compute_what_they_did(name, exported):
    check(exported, name)


def test_layers_are_those_of_a_native_builder(exported):
    """Nothing is moved or padded that a network written in Keras would not move or pad."""
    teacher = teachers.load_onnx(exported / "resnet18_unfused_legacy17.onnx")
    kinds = [type(layer).__name__ for layer in teacher.model.layers]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "InputLayer": 1,
        "Conv2D": 20,
        "BatchNormalization": 20,
        "ReLU": 17,
        "Add": 8,
        "ZeroPadding2D": 4,  # 3x3 and 7x7 at stride 2, where SAME pads one side only
        "LowestPadding": 1,
        "MaxPooling2D": 1,
        "GlobalAveragePooling2D": 1,
        "Flatten": 1,
        "Dense": 1,
    }
