"""The command `rnascl latency`, here and on a stand-in for a device.

The stand-in is a program named adb on PATH: it plays a device, answers with what benchmark_model
prints, and writes down how it was called.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rnascl_tf.commands import latency as command
from rnascl_tf.deploy import convert, export_saved_model
from tests.deploy.conftest import build_classifier

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path, tflite_files):
    (tmp_path / "student.tflite").write_bytes(tflite_files["float32"])
    return tmp_path / "student.tflite"


def run(capsys, *arguments):
    code = command.main(list(map(str, arguments)))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_table_a_record_and_the_remedy(tmp_path, tflite_files, run_module):
    for kind in ("float32", "int8"):
        (tmp_path / f"{kind}.tflite").write_bytes(tflite_files[kind])
    done = run_module(
        "rnascl_tf",
        "latency",
        "--model=float32.tflite,int8.tflite",
        "--threads=1,2",
        "--runs=20",
        "--rounds=5",
        "--out=found",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "RuntimeWarning" not in done.stderr
    record = json.loads((tmp_path / "found" / "latency.json").read_text())
    assert record["device"]["kind"] == "local"
    assert record["files"]["int8.tflite"]["bytes"] == len(tflite_files["int8"])
    assert record["files"]["int8.tflite"]["delegation"]["not_delegated"]["HARD_SWISH"] == 3
    assert [(row["file"], row["threads"]) for row in record["results"]] == [
        (f"{kind}.tflite", threads) for threads in (1, 2) for kind in ("float32", "int8")
    ]
    for row in record["results"]:
        assert 0 < row["p50_ms"] <= row["p90_ms"] <= row["p95_ms"]
        assert row["runs"] == 20
        assert len(row["round_medians_ms"]) == 5
        assert row["load_ms"] > 0
        assert row["first_ms"] > 0
        # A network of 10 thousand weights and its interpreter; TensorFlow would be hundreds of MiB.
        assert 2**14 < row["peak_bytes"] < 2**26
    assert record["results"][0]["ratio"] == [1.0, 1.0, 1.0]
    assert "search.activation=relu6" in done.stdout


def test_a_device(capsys, file, phone, tmp_path):
    tool = tmp_path / "benchmark_model"
    tool.write_bytes(b"ELF")
    code, output, errors = run(
        capsys,
        f"--model={file}",
        "--device=adb",
        f"--benchmark_model={tool}",
        "--threads=3",
        "--runs=26",
        "--rounds=2",
        f"--out={tmp_path / 'found'}",
    )
    assert code == 0, errors
    assert "Phone 7" in output
    record = json.loads((tmp_path / "found" / "latency.json").read_text())
    assert record["device"] == {
        "kind": "adb",
        "serial": "A1",
        "cpu": "Phone 7",
        "cores": 8,
        "android": "15",
        "runtime": "benchmark_model 0123456789ab",
    }
    (row,) = record["results"]
    # Not 3.0, as the median of the rounds' would be.
    assert repr(row["threads"]) == "3"
    assert (row["load_ms"], row["first_ms"], row["peak_bytes"]) == (5.25, 2.11, None)
    assert (row["mean_ms"], row["p50_ms"], row["p90_ms"], row["p95_ms"]) == (
        1.4375,
        1.425,
        None,
        1.625,
    )
    assert (row["runs"], row["round_medians_ms"]) == (26, [1.425, 1.425])
    calls = (phone / "calls").read_text().splitlines()
    assert calls[0] == "devices"
    assert f"-s A1 push {tool} /data/local/tmp/benchmark_model" in calls
    timed = [call for call in calls if "--graph=" in call]
    assert all("--num_threads=3" in call and "--use_xnnpack=true" in call for call in timed)
    assert "--num_runs=13" in timed[0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("devices", "", "no device is connected"),
        ("devices", "A1\tunauthorized\n", "allow USB debugging"),
        ("devices", "A1\toffline\n", "A1 is offline"),
        ("devices", "A1\tdevice\nB2\tdevice\n", "give --device=adb:SERIAL"),
        ("no tool", "", "--benchmark_model=FILE"),
        ("full", "", "No space left on device"),
        ("output", "Failed to load model\n", "its last line was: Failed to load model"),
    ],
)
def test_a_device_that_is_not_ready(capsys, file, phone, name, content, message):
    (phone / name).write_text(content)
    code, _, errors = run(capsys, f"--model={file}", "--device=adb")
    assert code == 2
    assert message in errors
    assert len(errors.strip().splitlines()) == 1


def test_one_of_several_devices(capsys, file, phone):
    (phone / "devices").write_text("A1\tdevice\nB2\tdevice\n")
    assert run(capsys, f"--model={file}", "--device=adb:B2", "--rounds=1")[0] == 0
    calls = (phone / "calls").read_text().splitlines()
    assert all(call.startswith("-s B2 ") for call in calls[1:])
    code, _, errors = run(capsys, f"--model={file}", "--device=adb:C3")
    assert (code, "C3 is not connected; there is A1, B2" in errors) == (2, True)


def test_without_adb(capsys, file, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, errors = run(capsys, f"--model={file}", "--device=adb")
    assert (code, "adb is not on PATH" in errors) == (2, True)


def test_a_file_that_answers_nan_is_not_timed(capsys, tmp_path):
    network = build_classifier()
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([np.nan * kernel, bias])
    export_saved_model(network, tmp_path / "saved_model")
    (tmp_path / "nan.tflite").write_bytes(convert(tmp_path / "saved_model", "float32"))
    code, _, errors = run(capsys, f"--model={tmp_path / 'nan.tflite'}")
    assert code == 2
    assert "nan.tflite answers NaN or infinity" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model="], "--model is missing"),
        (["--model=none.tflite"], "none.tflite does not exist"),
        (["--model={file}", "--threads=0"], "numbers of 1 or more"),
        (["--model={file}", "--threads=two"], "whole numbers"),
        (["--model={file}", "--threads=1,100000"], "--threads=100000: give at most"),
        (["--model={file}", "--runs=0"], "runs"),
        (["--model={file}", "--device=phone"], "unknown device 'phone'"),
        (["--model={file}", "--benchmark_model=x"], "add --device=adb"),
        (["--model={file}", "extra"], "unexpected argument 'extra'"),
        (["--model={text}"], "text.tflite: this is not a TFLite file"),
        (["--model={cut}"], "cut.tflite: the TFLite file is damaged"),
        (["--model={file}", "--out={file}/below"], "is not a folder"),
    ],
)
def test_wrong_input_is_one_line(capsys, file, arguments, message):
    paths = {
        "file": file,
        "text": file.with_name("text.tflite"),
        "cut": file.with_name("cut.tflite"),
    }
    paths["text"].write_text("no TFLite file at all")
    paths["cut"].write_bytes(file.read_bytes()[:3000])
    code, _, errors = run(capsys, *(argument.format(**paths) for argument in arguments))
    assert code == 2
    assert message in errors
    assert len(errors.strip().splitlines()) == 1


def test_more_threads_than_cores_are_said_once(capsys, file, caplog):
    many = os.cpu_count() + 1
    assert run(capsys, f"--model={file}", f"--threads={many}", "--runs=2", "--rounds=1")[0] == 0
    assert caplog.text.count("more threads are asked for than") == 1


def test_help(capsys):
    code, output, _ = run(capsys, "--help")
    assert code == 0
    for word in ("--device", "adb[:SERIAL]", "--threads", "--benchmark_model"):
        assert word in output


@pytest.mark.parametrize(("level", "is_quiet"), [(None, True), ("0", False)])
def test_only_a_user_who_asks_sees_what_libraries_say_of_themselves(
    file, tmp_path, level, is_quiet
):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_ENABLE_ONEDNN_OPTS": "1"}
    del environment["TF_CPP_MIN_LOG_LEVEL"]
    done = subprocess.run(
        [sys.executable, "-m", "rnascl_tf", "latency", f"--model={file}", "--runs=1", "--rounds=1"],
        cwd=tmp_path,
        env=environment | ({} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ("XNNPACK delegate" in done.stderr) != is_quiet
    assert (done.stderr == "") == is_quiet
