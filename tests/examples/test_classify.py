"""examples/classify.py, as a user of the exported file runs it: without TensorFlow or this package."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
    # The picture is 31 wide and 29 high: its middle 29 columns are what the model gets, resized.
    with Image.open(folder / "exact.png") as image:
        square = image.crop((1, 0, 30, 29)).resize((31, 29))
    pixels = np.asarray(square, np.float32)[None] / 255
    logits = TFLiteClassifier((folder / f"{kind}.tflite").read_bytes()).predict(pixels)[0]
    exponentials = np.exp(np.float64(logits))
    probabilities = 100 * exponentials / exponentials.sum()
    order = np.argsort(-logits, kind="stable")
    assert [line.split(maxsplit=1)[1] for line in classes] == [NAMES[number] for number in order]
    printed = [float(line.split("%")[0]) for line in classes]
    np.testing.assert_allclose(printed, probabilities[order], atol=0.0051)
    assert "median of 50, 2 thread(s)" in seconds


@pytest.mark.parametrize("name", ["L.png", "RGBA.png", "P.png", "CMYK.jpg"])
def test_other_images_are_read(folder, name):
    done = run(folder, folder / name, folder / "float32.tflite", "--top=1")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


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
        (["{folder}/exact.png", "{folder}/float32.tflite", "--top=0"], "must be 1 or more"),
    ],
)
def test_wrong_input_is_one_line(folder, tmp_path, arguments, message):
    cut, few = tmp_path / "cut.tflite", tmp_path / "few.txt"
    cut.write_bytes((folder / "float32.tflite").read_bytes()[:2000])
    few.write_text("one\ntwo\n")
    done = run(folder, *(each.format(folder=folder, cut=cut, few=few) for each in arguments))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")]
