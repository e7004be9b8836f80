"""The import command, as a user runs it: what it writes, prints and refuses."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from onnx import helper

import teachers
from rnascl_tf.commands import import_teacher as import_onnx

ROOT = Path(__file__).resolve().parents[2]
MEANS, STDS = "0.1,0.4,0.7", "0.2,0.3,0.5"


@pytest.fixture
def path(write_onnx, generator):
    """A residual classifier for 32x32 images whose shortcut is a projection."""
    nodes = [
        helper.make_node("Conv", ["images", "stem"], ["one"], "stem", pads=[1] * 4),
        helper.make_node("Relu", ["one"], ["relu"], "relu"),
        helper.make_node("Conv", ["relu", "inner"], ["two"], "inner", pads=[1] * 4),
        helper.make_node("Relu", ["two"], ["relu2"], "relu2"),
        helper.make_node("Conv", ["relu2", "outer"], ["three"], "outer", pads=[1] * 4),
        helper.make_node("Conv", ["relu", "projection"], ["shortcut"], "projection"),
        helper.make_node("Add", ["three", "shortcut"], ["sum"], "sum"),
        helper.make_node("GlobalAveragePool", ["sum"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["logits"], "flatten"),
    ]
    shapes = {
        "stem": (5, 3, 3, 3),
        "inner": (7, 5, 3, 3),
        "outer": (10, 7, 3, 3),
        "projection": (10, 5, 1, 1),
    }
    weights = {
        name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()
    }
    return write_onnx(nodes, weights, ["batch", 3, 32, 32])


@pytest.fixture
def command(path, tmp_path, capsys):
    """Runs the command in this process: flags -> (exit code, output, errors)."""

    def run(*flags, onnx_file=path, out="out"):
        code = import_onnx.main([f"--onnx={onnx_file}", f"--out={tmp_path / out}", *flags])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_writes_a_teacher_that_normalises_itself(command, path, tmp_path, run_onnx):
    code, output, _ = command(f"--mean={MEANS}", f"--std={STDS}", "--verify_examples=5")
    assert code == 0
    description = json.loads((tmp_path / "out" / "teacher.json").read_text())
    assert description["taps"] == ["stem", "inner", "outer"]
    assert description["n_t"] == 3
    assert set(description["verification"]["errors"]) == {"stem", "inner", "outer", "logits"}
    assert description["verification"]["images"] == 5
    assert description["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    written = tmp_path / "out" / "teacher.onnx"
    assert description["sha256"] == hashlib.sha256(written.read_bytes()).hexdigest()
    images = np.random.default_rng(0).random((3, 32, 32, 3), dtype="float32")
    mean, std = np.array([0.1, 0.4, 0.7]), np.array([0.2, 0.3, 0.5])
    wanted = run_onnx(path, ((images - mean) / std).astype(np.float32))
    loaded = keras.models.load_model(tmp_path / "out" / "teacher.keras")
    np.testing.assert_allclose(loaded(images), wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(run_onnx(written, images), wanted, rtol=1e-4, atol=1e-4)
    assert "projection" not in output
    assert "32x32x7" in output
    assert "Its accuracy was not measured" in output


def test_taps_can_be_chosen(command, tmp_path):
    code, output, _ = command("--taps=all")
    assert code == 0
    taps = json.loads((tmp_path / "out" / "teacher.json").read_text())["taps"]
    assert taps == ["stem", "inner", "outer", "projection"]
    assert "--config.teacher.taps='all'" in output


def test_accuracy_on_a_data_set_and_chance_level_is_pointed_out(command, tmp_path):
    code, output, _ = command(
        "--dataset=digits", "--examples=40", "--epsilon=2/255", "--verify_examples=3"
    )
    assert code == 0
    description = json.loads((tmp_path / "out" / "teacher.json").read_text())
    assert {"clean", "pgd20"} == description["robustness"].keys()
    assert " ".join(description) == (
        "file source name source_sha256 sha256 mean std num_classes input_shape params n_t taps "
        "taps_asked verification seed versions git_commit made_at epsilon robustness"
    )
    assert description["robustness"]["clean"]["n"] == 40
    assert description["robustness"]["pgd20"]["epsilon"] == pytest.approx(2 / 255)
    assert "pgd20 at L-inf epsilon 2/255, pixel space" in output
    accuracy = description["robustness"]["clean"]["accuracy"]
    assert (accuracy < 0.2) == ("Clean accuracy is near chance" in output)


def test_nothing_is_replaced_unless_asked(command, tmp_path):
    assert command()[0] == 0
    before = (tmp_path / "out" / "teacher.json").read_bytes()
    code, _, errors = command("--taps=all")
    assert code == 2
    assert "holds an imported teacher; give another folder, or --overwrite" in errors
    assert (tmp_path / "out" / "teacher.json").read_bytes() == before
    assert command("--taps=all", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--mean=0.1,0.2,0.3"], "give both or neither"),
        (["--mean=a,b,c", "--std=1,1,1"], "--mean=a,b,c: wanted numbers with commas"),
        (["--taps=nothing"], "matches none of the convolutions"),
        (["--taps="], "taps is empty"),
        (["--mean=125,123,114", "--std=63,62,66"], "divide them by 255"),
        (["stray"], "unexpected argument 'stray'"),
        (["--dataset=cifar10", "--data_dir=nowhere"], "give --data_dir="),
        (["--dataset=mnist"], "unknown data set --dataset=mnist"),
        (["--data_dir=somewhere"], "needs --dataset=NAME"),
        (["--dataset=digits", "--examples=100000"], "give at most 400"),
        (["--epsilon=8"], "8/255"),
        (["--verify_examples=0"], "verify_examples"),
        (["--image_size=16"], "takes images of 32x32x3, wanted 16x16x3"),
        (["--unknown=1"], "unknown"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(flags, reason, command, tmp_path):
    code, _, errors = command(*flags)
    assert code == 2
    assert reason in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_file_that_computes_something_else_in_keras_is_refused(command, tmp_path, monkeypatch):
    monkeypatch.setattr(teachers, "TOLERANCE", 1e-12)
    monkeypatch.setattr(teachers.Teacher.compare, "__defaults__", (1e-12,))
    code, output, errors = command()
    assert code == 2
    assert "too large" in output  # the table comes first: it tells which layer
    assert "the import cannot be trusted" in errors
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_refused_before_the_proof(command, tmp_path):
    (tmp_path / "file").write_text("")
    code, output, errors = command(out="file/below")
    assert code == 2
    assert "--out=" in errors
    assert "is not a folder; give another folder" in errors
    assert output == ""


def test_missing_flags(capsys):
    assert import_onnx.main([]) == 2
    assert "--onnx and --out are missing" in capsys.readouterr().err


def test_as_a_command_of_its_own(path, tmp_path):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(path.read_bytes()[:-40])
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "rnascl_tf",
            "import-teacher",
            f"--onnx={damaged}",
            "--out=out",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_external_weights_end_up_inside(command, path, tmp_path):
    model = onnx.load(path)
    onnx.save(
        model,
        tmp_path / "external.onnx",
        save_as_external_data=True,
        location="external.data",
        size_threshold=0,
    )
    code, _, _ = command(onnx_file=tmp_path / "external.onnx")
    assert code == 0
    (tmp_path / "external.data").unlink()
    assert teachers.load_onnx(tmp_path / "out" / "teacher.onnx").num_classes == 10


def test_real_teacher(shared_folder, tmp_path, capsys):
    """The file that wants normalised images and has a fixed batch of one, on real CIFAR-10."""
    code = import_onnx.main(
        [
            f"--onnx={shared_folder / 'teachers' / 'resnet_4b.onnx'}",
            f"--out={tmp_path / 'out'}",
            "--mean=0.4914,0.4822,0.4465",
            "--std=0.2471,0.2435,0.2616",
            "--dataset=cifar10",
            f"--data_dir={shared_folder / 'data' / 'tensorflow_datasets'}",
            "--examples=100",
            "--verify_examples=7",
            "--epsilon=2/255",
        ]
    )
    output = capsys.readouterr().out
    assert code == 0
    assert "9 tapped convolutions" in output
    description = json.loads((tmp_path / "out" / "teacher.json").read_text())
    # Published: 77.2% clean, 61.4% under PGD at 2/255; 100 images know it to about 10 points.
    assert 0.67 <= description["robustness"]["clean"]["accuracy"] <= 0.87
    assert 0.5 <= description["robustness"]["pgd20"]["accuracy"] <= 0.75
