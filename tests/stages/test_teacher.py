"""The teacher stage: a real robust ONNX file on real CIFAR-10 images, and native training."""

import hashlib
import json
from pathlib import Path

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.pipeline import execute, select
from rnascl_tf.recipes import base_config
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.robustness import Accuracy
from rnascl_tf.runs import Run
from rnascl_tf.runs.teacher_files import load_teacher as load
from rnascl_tf.stages import teacher
from rnascl_tf.stages.stage import Change
from rnascl_tf.stages.teacher import near_chance, source_of
from teachers import TeacherError

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
ONNX = SHARED / "teachers" / "resnet_4b.onnx"
DATA = SHARED / "data" / "tensorflow_datasets"

real = pytest.mark.skipif(
    not (ONNX.exists() and DATA.exists()),
    reason="real teachers and CIFAR-10 are not beside this checkout (../shared)",
)


@pytest.fixture
def config():
    config = load_recipe("cifar10:s3")
    config.data.data_dir = str(DATA)
    config.data.train_examples = 128
    config.teacher.onnx = str(ONNX)
    config.teacher.mean = (0.4914, 0.4822, 0.4465)
    config.teacher.std = (0.2471, 0.2435, 0.2616)
    config.teacher.verify_examples = 5
    config.teacher.evaluate_examples = 100
    config.evaluate.update(dict(examples=100, batch_size=50))
    config.export.examples = 100
    config.threat.epsilon = "2/255"
    return config


@real
def test_takes_verifies_and_measures_the_file(config, tmp_path):
    run = Run(config, tmp_path)
    execute(run, select(config, ["teacher"]))
    teacher = json.loads((tmp_path / "record.json").read_text())["teacher"]
    assert teacher["sha256"] == hashlib.sha256(ONNX.read_bytes()).hexdigest()
    assert (tmp_path / "teacher" / "teacher.onnx").read_bytes() == ONNX.read_bytes()
    assert teacher["name"] == "resnet_4b"
    assert teacher["n_t"] == 9
    assert len(teacher["verification"]["errors"]) == 9 + 1
    assert max(teacher["verification"]["errors"].values()) < 1e-4
    # Published: 77.2% clean, 61.4% under PGD at 2/255; 100 images know it to about 10 points.
    assert 0.67 <= teacher["robustness"]["clean"]["accuracy"] <= 0.87
    assert 0.5 <= teacher["robustness"]["pgd20"]["accuracy"] <= 0.75
    assert load(run).tap_names == tuple(teacher["taps"])


@real
def test_missing_normalisation_shows_in_the_measured_accuracy(config, tmp_path):
    """The file agrees with itself either way; only its accuracy tells that mean and std lack."""
    config.teacher.mean = config.teacher.std = ()
    run = Run(config, tmp_path)
    execute(run, select(config, ["teacher"]))
    assert run.record["teacher"]["robustness"]["clean"]["accuracy"] < 0.6


@pytest.mark.parametrize(("correct", "expected"), [(19, True), (20, False), (90, False)])
def test_near_chance(correct, expected):
    assert near_chance(Accuracy(correct, 100), num_classes=10) is expected


@real
def test_a_file_that_is_not_onnx_is_refused_before_anything_is_written(config, tmp_path):
    config.data.update(dict(name="digits", data_dir="", train_examples=128, batch_size=32))
    config.teacher.onnx = str(SHARED / "teachers" / "README.md")
    with pytest.raises(TeacherError, match="README"):
        execute(Run(config, tmp_path), select(config, ["teacher"]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("adversarial", "title"), [("pgd", "PGD"), ("n_fgsm", "N-FGSM"), ("fgsm_rs", "FGSM-RS")]
)
def test_a_training_is_named_as_its_authors_do(adversarial, title):
    settings = base_config().teacher
    settings.adversarial = adversarial
    source = source_of(settings)
    assert source == f"native network resnet, {title} adversarial training"


def test_a_native_teacher_is_trained_by_trades(tmp_path):
    config = load_recipe("digits:smoke")
    config.teacher.update(dict(adversarial="trades", widths=(5,), blocks=(1,)))
    run = Run(config, tmp_path)
    execute(run, select(config, ["teacher"]))
    assert run.record["teacher"]["source"] == "native network resnet, TRADES adversarial training"
    (row,) = run.record["history"]["teacher"]
    assert {"loss", "cross_entropy", "adversarial_divergence", "val_accuracy"} <= row.keys()
    assert run.teacher.classifier.output_shape == (None, 10)


@real
def test_a_run_without_its_teacher_takes_the_same_file_and_no_other(config, tmp_path):
    run = Run(config, tmp_path)
    execute(run, select(config, ["teacher"]))
    (tmp_path / "teacher" / "teacher.onnx").unlink()
    assert load(run).sha256 == hashlib.sha256(ONNX.read_bytes()).hexdigest()
    description = json.loads((tmp_path / "teacher" / "teacher.json").read_text())
    (tmp_path / "teacher" / "teacher.json").write_text(json.dumps(description | {"sha256": "0"}))
    with pytest.raises(UserError, match=r"teacher\.onnx is missing"):
        load(run)


@real
def test_taps_and_precision_come_from_the_config(config, tmp_path):
    config.teacher.taps = "all"
    config.teacher.precision = "float32"
    run = Run(config, tmp_path)
    execute(run, select(config, ["teacher"]))
    teacher = run.record["teacher"]
    assert teacher["n_t"] == 11  # with both projection shortcuts
    assert teacher["precision"]["chosen"] == run.teacher.precision == "float32"
    path = tmp_path / "teacher" / "teacher.json"
    description = json.loads(path.read_text())
    description["precision"]["chosen"] = "bfloat16"
    path.write_text(json.dumps(description))
    assert load(run).precision == "bfloat16"
    del description["precision"]  # a run that is older than the choice
    path.write_text(json.dumps(description))
    assert load(run).precision == "float32"


@pytest.mark.parametrize(("chosen", "kept"), [("float32", True), ("bfloat16", False)])
def test_a_run_that_measured_its_precision_goes_on_where_it_is_the_default(
    chosen, kept, config, tmp_path
):
    run = Run(config, tmp_path)
    run.record["teacher"] = {"precision": {"chosen": chosen, "asked": "auto"}}
    change = Change("teacher.precision", "auto", "float32", {}, {})
    assert teacher.keeps_result(run, change) is kept
