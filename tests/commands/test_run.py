"""The main job from end to end: one real robust run through all stages, then its files.

Clean runs are those of `tests/commands/test_ablate.py`. The space has two blocks: what is asserted here
does not depend on S3, whose steps the dry run takes.
"""

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import ai_edge_litert.interpreter
import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import rnascl_tf
from rnascl_tf.commands.run import main
from rnascl_tf.data import load_dataset
from rnascl_tf.networks import build_student, count, read_architecture
from tests import tiny_recipe

RECIPE = f"--config={tiny_recipe.__file__}:smoke,robust"
STAGES = ["teacher", "search", "train", "baseline", "evaluate", "export", "report"]


@pytest.fixture(autouse=True, scope="module")
def known_space(tiny_config):
    """The tests that read a student's architecture need its space."""


@pytest.fixture(scope="module")
def smoke(tmp_path_factory, run_module):
    folder = tmp_path_factory.mktemp("smoke")
    started = time.monotonic()
    done = run_module("rnascl_tf", RECIPE, "--workdir=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    print(f"smoke run: {time.monotonic() - started:.0f} s")
    return folder / "run", done


@pytest.fixture(scope="module")
def workdir(smoke):
    return smoke[0]


@pytest.fixture(scope="module")
def record(workdir):
    return json.loads((workdir / "record.json").read_text())


def test_record_is_complete(record):
    assert list(record["stages"]) == STAGES
    assert {entry["status"] for entry in record["stages"].values()} == {"finished"}
    assert all(entry["seconds"] >= 0 for entry in record["stages"].values())
    assert record["config"]["search"]["epochs"] == 1
    assert record["seeds"] == {"run": 0}
    assert record["versions"]["keras"] == keras.__version__
    assert record["hardware"]["cores"] >= 1


def test_teacher_is_described_verified_and_measured(workdir, record):
    teacher = record["teacher"]
    content = (workdir / "teacher" / teacher["file"]).read_bytes()
    assert teacher["sha256"] == hashlib.sha256(content).hexdigest()
    assert teacher["n_t"] == len(teacher["taps"]) == 7
    assert max(teacher["verification"]["errors"].values()) < 1e-3
    assert set(teacher["robustness"]) == {"clean", "pgd20"}


def test_architecture_is_one_of_the_space_with_a_tutor_for_every_convolution(workdir, record):
    architecture = read_architecture(workdir / "search" / "architecture.json")
    assert len(architecture.tutors) == 1 + 3 * 2
    assert {tutor.teacher for tutor in architecture.tutors} <= set(record["teacher"]["taps"])
    assert all(1 / 7 - 1e-3 <= tutor.probability <= 1 for tutor in architecture.tutors)
    assert record["architecture"]["macs"] == count(architecture).macs


def test_history_has_the_documented_columns(workdir, record):
    (row,) = record["history"]["search"]
    assert {
        "temperature",
        "tutor_entropy",
        "expected_macs",
        "attention",
        "divergence",
    } <= row.keys()
    assert row["temperature"] == 5.0
    assert 0 < row["tutor_entropy"] <= np.log(7) + 1e-3
    with (workdir / "search" / "history.csv").open(newline="") as file:
        assert float(next(csv.DictReader(file))["loss"]) == row["loss"]
    assert list((workdir / "search" / "tensorboard").rglob("events*"))


def test_robustness_of_student_and_baseline(record):
    for model in ("student", "baseline"):
        results = record["robustness"][model]
        assert list(results) == ["clean", "fgsm", "pgd20", "mifgsm", "cw"]
        for name, result in results.items():
            low, high = result["interval"]
            assert 0 <= low <= result["accuracy"] <= high <= 1
            assert result["n"] == 32
            assert result["space"] == "pixel"
            assert result["epsilon"] == (0 if name == "clean" else pytest.approx(0.1))
            assert result["accuracy"] <= results["clean"]["accuracy"]


def test_student_file_saved_model_and_tflite_agree(workdir):
    images = load_dataset("digits").test.evenly_spaced(5).as_float()
    student = keras.models.load_model(workdir / "train" / "student.keras")
    logits = student(images).numpy()
    served = tf.saved_model.load(str(workdir / "export" / "saved_model")).signatures[
        "serving_default"
    ]
    (name,) = served.structured_input_signature[1]
    saved = served(**{name: tf.constant(images)})["logits"]
    np.testing.assert_allclose(saved, logits, rtol=1e-4, atol=1e-5)
    interpreter = ai_edge_litert.interpreter.Interpreter(
        str(workdir / "export" / "student_float32.tflite")
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images[:1])
    interpreter.invoke()
    lite = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(lite, logits[:1], rtol=1e-4, atol=1e-5)


def test_export_record_describes_the_files(workdir, record):
    folder = workdir / "export"
    assert [export["kind"] for export in record["exports"]] == [
        "float32",
        "float16",
        "dynamic",
        "int8",
    ]
    sums = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    card = (folder / "README.md").read_text()
    for export in record["exports"]:
        content = (workdir / export["file"]).read_bytes()
        assert export["bytes"] == len(content)
        assert export["sha256"] == hashlib.sha256(content).hexdigest()
        assert sums[Path(export["file"]).name] == export["sha256"]
        assert export["sha256"] in card
        robust = export["robust"]
        assert robust["transferred"]["accuracy"] <= export["clean"]["accuracy"]
        assert (export["clean"]["n"], robust["transferred"]["n"], robust["n"]) == (32, 32, 4)
        assert (
            robust["square_attacked"] - robust["square_broke"] == robust["n"] * robust["accuracy"]
        )
        assert robust["drop_points"] == 100 * (robust["keras"]["accuracy"] - robust["accuracy"])
        assert robust["drop_points_transferred"] == pytest.approx(
            100 * (robust["keras"]["transferred"]["accuracy"] - robust["transferred"]["accuracy"])
        )
        worse = max(robust["drop_points"], robust["drop_points_transferred"])
        assert robust["flagged"] == (worse > 2)
        assert robust["space"] == "pixel"
        assert 0 < export["latency"]["p50_ms"] <= export["latency"]["p95_ms"]
        assert export["quantization"]["input"]["dtype"] == (
            "int8" if export["kind"] == "int8" else "float32"
        )
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert {"labels.txt", "saved_model/saved_model.pb"} <= sums.keys()
    float32 = record["exports"][0]
    assert float32["agreement"]["top1"] == 1.0
    assert float32["agreement"]["max_difference"] < 1e-4
    assert float32["robust"]["drop_points"] == 0
    assert record["exports"][3]["calibration"]["images"] == 128
    labels = (folder / "labels.txt").read_text().splitlines()
    assert labels == list(load_dataset("digits").class_names)
    loaded = tf.saved_model.load(str(folder / "saved_model"))
    assert Path(loaded.class_names.asset_path.numpy().decode()).read_text().splitlines() == labels


def test_architecture_alone_rebuilds_the_trained_student(workdir):
    rebuilt = build_student(read_architecture(workdir / "search" / "architecture.json"))
    trained = keras.models.load_model(workdir / "train" / "student.keras")
    rebuilt.set_weights(trained.get_weights())
    images = load_dataset("digits").test.evenly_spaced(3).as_float()
    np.testing.assert_allclose(rebuilt(images), trained(images), rtol=1e-5, atol=1e-6)


def test_table_and_verdict_are_printed(smoke):
    _, done = smoke
    for wanted in (
        "Searched student",
        "n = 32",
        "pgd20",
        "latency p50 / p90",
        "without the teacher",
    ):
        assert wanted in " ".join(done.stdout.split()), "lines may break anywhere"


def test_nothing_but_ours_is_on_standard_error(smoke):
    _, done = smoke
    lines = done.stderr.splitlines()
    expected = {f"{stage}: started" for stage in STAGES}
    assert {line for line in lines if line.endswith("started")} == expected
    epochs = [line for line in lines if ": epoch 1 of 1: " in line]
    assert [line.partition(":")[0] for line in epochs] == ["teacher", "search", "train", "baseline"]
    assert all(line.endswith("s, about 0 s left") for line in epochs)
    lines = [line for line in lines if line not in epochs]
    told = [line for line in lines if not line.endswith("started") and ": finished in " not in line]
    # The epoch that is kept, the precision, a teacher of one epoch, and what the views cost.
    wanted = ["teacher:", "teacher:", "the", "search:", "train:", "train:", "baseline:"]
    assert [line.split()[0] for line in told] == wanted, done.stderr
    assert len(lines) == 2 * len(STAGES) + len(told), done.stderr


def test_plots_are_drawn(workdir):
    for name in ("search.png", "robustness.png"):
        assert Image.open(workdir / "report" / name).width > 800


def test_no_partial_file_is_left(workdir):
    assert not [path for path in workdir.rglob("*") if "partial" in path.name]


def test_a_second_run_skips_everything_and_prints_the_table_again(workdir, run_module):
    """With a log for machines, in which the skipped stages are told too."""
    before = {path: path.stat().st_mtime_ns for path in workdir.rglob("*.keras")}
    done = run_module("rnascl_tf", RECIPE, "--workdir=run", "--log_json", cwd=workdir.parent)
    assert done.returncode == 0
    assert "Searched student" in done.stdout
    assert before == {path: path.stat().st_mtime_ns for path in workdir.rglob("*.keras")}
    found = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(entry["level"] == "INFO" and entry["time"].endswith("Z") for entry in found)
    told = [entry["message"] for entry in found]
    for stage in STAGES[:-1]:
        assert any(f"{stage}: finished before" in message for message in told), stage
    (last,) = [entry for entry in found if entry.get("status") == "finished"]
    assert last["stage"] == "report"
    assert last["seconds"] > 0


def test_another_config_is_refused_by_name_and_nothing_changes(workdir, capfd):
    before = (workdir / "record.json").read_text()
    assert main([RECIPE, f"--workdir={workdir}", "--config.train.epochs=2"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "train.epochs was 1, now 2" in line
    assert (workdir / "record.json").read_text() == before


def test_strict_ends_with_3_where_gradients_are_masked_and_all_is_done(workdir, tmp_path, caplog):
    copied = tmp_path / "run"
    shutil.copytree(workdir, copied)
    # Any classifier will do that knows some images, and the smallest is the fastest to trace. Without
    # its seeds one in dozens knows none, and then nothing can be masked.
    images = keras.Input((32, 32, 3))
    first, last = (keras.initializers.GlorotUniform(seed) for seed in (1, 2))
    features = keras.layers.Conv2D(5, 3, 2, activation="relu", kernel_initializer=first)(images)
    logits = keras.layers.Dense(10, kernel_initializer=last)(keras.layers.Flatten()(features))
    keras.Model(images, logits).save(copied / "baseline/student.keras")
    # Logits so large that the cross-entropy saturates: its gradient is zero in float32.
    masked = keras.layers.Rescaling(1e6)(logits)
    keras.Model(images, masked).save(copied / "train/student.keras")
    again = [RECIPE, f"--workdir={copied}", "--overwrite", "--strict"]
    again += ["--stages=evaluate,export", "--config.evaluate.masking_examples=32"]
    again += ["--config.evaluate.attacks=clean", "--config.export.kinds=float32"]
    assert main(again) == 3
    assert "the gradients of the student look masked" in caplog.text
    record = json.loads((copied / "record.json").read_text())
    assert record["robustness"]["student"]["clean"]["accuracy"] > 0
    assert record["masking"]["student"]["suspicious"]
    assert (copied / "export" / "student_float32.tflite").exists()


def test_predict_classifies_image_files(workdir, run_module):
    examples = load_dataset("digits").test
    Image.fromarray(examples.images[0]).save(workdir.parent / "digit.png")
    Image.new("L", (5, 9)).save(workdir.parent / "gray.png")
    done = run_module(
        "rnascl_tf",
        "predict",
        "--workdir=run",
        "--top=2",
        "digit.png",
        "gray.png",
        cwd=workdir.parent,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("digit.png: ")
    assert second.startswith("gray.png: ")
    assert first.count("%") == 2
    student = keras.models.load_model(workdir / "train" / "student.keras")
    best = int(student(examples.first(1).as_float()).numpy().argmax())
    assert first.split()[1] == examples_name(best)


def test_a_killed_run_is_finished_by_the_same_command(workdir, tmp_path, monkeypatch):
    """SIGKILL once the train stage has begun; teacher and search are not done again."""
    run = tmp_path / "run"
    shutil.copytree(workdir, run)
    values = json.loads((run / "record.json").read_text())
    for stage in STAGES[2:]:
        shutil.rmtree(run / stage)
        del values["stages"][stage]
    (run / "record.json").write_text(json.dumps(values))
    command = (RECIPE, "--workdir=run", "--stages=train")
    # A package that is reached through a link logs as any other.
    link = tmp_path / "link"
    link.symlink_to(Path(rnascl_tf.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "rnascl_tf", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(link)},
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("train: started"):
            process.kill()
            break
    assert process.wait() == -signal.SIGKILL, "".join(lines)
    assert json.loads((run / "record.json").read_text())["stages"]["train"]["status"] == "started"
    # Here: a process of its own would import TensorFlow once more.
    monkeypatch.chdir(tmp_path)
    assert main(command) == 0
    finished = json.loads((run / "record.json").read_text())
    assert finished["stages"]["train"]["status"] == "finished"
    assert finished["stages"]["search"] == values["stages"]["search"]
    assert len(finished["history"]["train"]) == 1


def examples_name(label):
    return load_dataset("digits").class_names[label]


def test_damaged_files_of_a_run_are_named(workdir, tmp_path, capfd):
    damaged = tmp_path / "run"
    shutil.copytree(workdir, damaged)
    (damaged / "train" / "student.keras").write_bytes(b"cut")
    (damaged / "teacher" / "teacher.json").write_text("{}")
    arguments = [RECIPE, f"--workdir={damaged}", "--overwrite"]
    for stages, wanted in (
        ("evaluate,report", "student.keras is damaged"),
        ("search,train,baseline,evaluate,export,report", "teacher.json is damaged"),
    ):
        assert main([*arguments, f"--stages={stages}"]) == 2
        assert wanted in capfd.readouterr().err


def test_predict_names_a_missing_image_and_a_missing_run(workdir, run_module):
    done = run_module("rnascl_tf", "predict", "--workdir=run", "none.png", cwd=workdir.parent)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "none.png" in done.stderr
