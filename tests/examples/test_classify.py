"""examples/classify.py, as a user of the exported file runs it: without TensorFlow or this package."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rnascl_tf.data import MARGIN, read_images, unit_range
from rnascl_tf.deploy import TFLiteClassifier, convert, export_saved_model
from tests.deploy.conftest import build_classifier, random_images

PROGRAM = Path(__file__).parents[2] / "examples" / "classify.py"
ALONE = """
import runpy, sys
for package in ("tensorflow", "keras", "absl", "rnascl_tf", "teachers"):
    sys.modules[package] = None  # any import of it raises
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
NAMES = ["ant", "bee", "Käfer", "dog fish", "elk"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("with space")
    export_saved_model(build_classifier(), folder / "saved_model")
    for kind in ("float32", "int8"):
        content = convert(folder / "saved_model", kind, random_images(23, seed=3))
        (folder / f"{kind}.tflite").write_bytes(content)
    (folder / "labels.txt").write_text("\n".join(NAMES) + "\n", encoding="utf-8")
    pixels = np.rint(255 * random_images(1, seed=7)[0]).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "exact.png")
    wide = Image.fromarray(np.repeat(np.repeat(pixels, 3, axis=0), 5, axis=1))
    for mode in ("L", "RGBA", "P", "CMYK"):
        suffix = "jpg" if mode == "CMYK" else "png"
        wide.convert(mode).save(folder / f"{mode}.{suffix}")
    return folder


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-c", ALONE, str(PROGRAM), *map(str, arguments)],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_it_answers_as_our_own_interpreter_does(folder, kind):
    done = run(folder, folder / "exact.png", folder / f"{kind}.tflite", "--top=5", "--threads=2")
    assert done.returncode == 0, done.stderr
    *classes, seconds = done.stdout.splitlines()
    pixels = unit_range(read_images([folder / "exact.png"], (29, 31, 3)))
    logits = TFLiteClassifier((folder / f"{kind}.tflite").read_bytes()).predict(pixels)[0]
    exponentials = np.exp(np.float64(logits))
    probabilities = 100 * exponentials / exponentials.sum()
    order = np.argsort(-logits, kind="stable")
    assert [line.split(maxsplit=1)[1] for line in classes] == [NAMES[number] for number in order]
    printed = [float(line.split("%")[0]) for line in classes]
    np.testing.assert_allclose(printed, probabilities[order], atol=0.0051)
    assert "median of 50, 2 thread(s)" in seconds


@pytest.fixture(scope="module")
def program():
    specification = importlib.util.spec_from_file_location("classify", PROGRAM)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_pictures_are_prepared_as_for_training(folder, tmp_path, program):
    generator = np.random.default_rng(5)
    image = Image.fromarray(generator.integers(0, 256, (47, 83, 3), np.uint8))
    turned = image.getexif()
    turned[0x0112] = 6  # the camera was held on its side
    image.save(tmp_path / "turned.jpg", exif=turned)
    gray = generator.integers(0, 2**16, (53, 37)).astype(np.uint16)
    Image.fromarray(gray).save(tmp_path / "gray16.png")
    alpha = generator.integers(0, 256, (61, 43, 4), np.uint8)
    Image.fromarray(alpha).save(tmp_path / "alpha.png")
    Image.fromarray(alpha).convert("LA").save(tmp_path / "gray_alpha.png")
    names = [*(folder / name for name in ("L.png", "RGBA.png", "P.png", "CMYK.jpg", "exact.png"))]
    names += sorted(tmp_path.iterdir())
    for margin in (1.0, MARGIN):
        for path in names:
            ours = 255 * program.read_image(path, 29, 31, margin)
            theirs = read_images([path], (29, 31, 3), margin)[0]
            np.testing.assert_allclose(ours, theirs, atol=1e-4, err_msg=f"{path.name} {margin}")


def test_pixels_of_unknown_range_are_refused(folder, tmp_path):
    Image.fromarray(np.ones((31, 33), np.float32)).save(tmp_path / "float.tiff")
    done = run(folder, tmp_path / "float.tiff", folder / "float32.tflite")
    assert done.returncode == 2
    assert "32 bits a pixel, with an unknown range" in done.stderr


def test_a_missing_package_is_one_line(folder):
    alone = ALONE.replace('("tensorflow"', '("ai_edge_litert", "tensorflow"')
    command = [sys.executable, "-c", alone, str(PROGRAM), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "error: ai_edge_litert is missing: pip install ai-edge-litert numpy pillow\n"
    )


def test_a_file_that_answers_nan_is_refused(folder, tmp_path):
    network = build_classifier()
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([np.nan * kernel, bias])
    export_saved_model(network, tmp_path / "saved_model")
    (tmp_path / "nan.tflite").write_bytes(convert(tmp_path / "saved_model", "float32"))
    done = run(folder, folder / "exact.png", tmp_path / "nan.tflite")
    assert done.returncode == 2
    assert "gives NaN or infinity" in done.stderr
    assert done.stdout == ""


def test_without_labels_classes_are_numbered(folder, tmp_path):
    (tmp_path / "alone.tflite").write_bytes((folder / "float32.tflite").read_bytes())
    done = run(folder, folder / "exact.png", tmp_path / "alone.tflite", "--top=1")
    assert "class " in done.stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}/none.png", "{folder}/float32.tflite"], "cannot read"),
        (["{folder}/labels.txt", "{folder}/float32.tflite"], "as an image"),
        (["{folder}/exact.png", "{folder}/none.tflite"], "No such file"),
        (["{folder}/exact.png", "{folder}/exact.png"], "is not a whole TFLite file"),
        (["{folder}/exact.png", "{cut}"], "is not a whole TFLite file"),
        (["{folder}/exact.png", "{folder}/float32.tflite", "--labels={few}"], "2 labels, but"),
        (["{folder}/exact.png", "{folder}/float32.tflite", "--labels={cut}.txt"], "no such file"),
        (["{folder}/exact.png", "{folder}/float32.tflite", "--labels={empty}"], "holds no labels"),
        (["{folder}/exact.png", "{folder}/float32.tflite", "--top=0"], "must be 1 or more"),
        (["{folder}/exact.png", "{folder}/float32.tflite", "--threads=99999"], "--threads 1 to"),
        (["{folder}/exact.png", "{folder}/float32.tflite", "--margin=0.5"], "--margin must be"),
    ],
)
def test_wrong_input_is_one_line(folder, tmp_path, arguments, message):
    cut, few = tmp_path / "cut.tflite", tmp_path / "few.txt"
    cut.write_bytes((folder / "float32.tflite").read_bytes()[:2000])
    few.write_text("one\ntwo\n")
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    places = {"folder": folder, "cut": cut, "few": few, "empty": empty}
    done = run(folder, *(each.format(**places) for each in arguments))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")]
