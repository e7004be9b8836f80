"""Wrong input: one clear line on standard error, exit code 2, nothing written."""

import json
from pathlib import Path

import pytest

from rnascl_tf.__main__ import main


@pytest.fixture
def refused(capfd, tmp_path, monkeypatch):
    """Runs the command in an empty folder; returns its one line of complaint."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capfd.readouterr()
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        code = main(list(arguments))
        complaint = capfd.readouterr().err
        assert code == 2, complaint
        assert len(complaint.splitlines()) == 1, complaint
        assert complaint.startswith("error: ")
        assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        return complaint

    return run


SMOKE = ("--config=digits:smoke", "--workdir=run")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), "--config is missing"),
        (("--config=digits:smoke",), "--workdir is missing"),
        (("--config=digit", "--workdir=run"), "did you mean digits?"),
        (
            ("--config=digits:big", "--workdir=run"),
            "unknown variant 'big': give one of demo, smoke",
        ),
        (("--config=none.py", "--workdir=run"), "none.py does not exist"),
        ((*SMOKE, "--config.search.epoch=2"), "config.search has no 'epoch'; did you mean epochs?"),
        ((*SMOKE, "--config.serch.epochs=2"), "config has no 'serch'; did you mean search?"),
        ((*SMOKE, "--config.search.epochs=two"), "--config.search.epochs=two"),
        ((*SMOKE, "--config.search.epochs=0"), "--config.search.epochs=0 should be at least 1"),
        ((*SMOKE, "--config.train.learning_rate=-1"), "learning_rate=-1.0 should be above 0"),
        ((*SMOKE, "--config.search.space=S4"), "config.search.space has no 'S4'"),
        ((*SMOKE, "--config.threat.epsilon=8"), "divide it by 255"),
        ((*SMOKE, "--config.evaluate.attacks=fgsm,pdg20"), "no 'pdg20' (did you mean pgd20?)"),
        ((*SMOKE, "--config.teacher.mean=(0.5,0.5,0.5)"), "one number per channel each"),
        ((*SMOKE, "--config.data.name=cifar"), "cifar10"),
        ((*SMOKE, "--config.evaluate.examples=4000"), "digits has 400 test images"),
        ((*SMOKE, "--stages=serch"), "unknown stage 'serch': give some of teacher,search"),
        ((*SMOKE, "--stages=trades"), "unknown stage 'trades'"),
        ((*SMOKE, "--verbose"), "verbose"),
        ((*SMOKE, "search"), "unexpected argument 'search'"),
        ((*SMOKE, "--stages=search"), "teacher.json is missing: run the teacher stage first"),
        ((*SMOKE, "--config.teacher.onnx=none.onnx"), "none.onnx"),
    ],
)
def test_refuses(refused, arguments, wanted):
    assert wanted in refused(*arguments)


def test_disabled_stage_that_is_asked_for(refused):
    line = refused(*SMOKE, "--stages=baseline", "--config.baseline.enabled=false")
    assert "stage baseline is disabled: set --config.baseline.enabled=true" in line


def test_recipe_that_raises_or_gives_no_config(refused, tmp_path):
    recipe = tmp_path / "mine.py"
    for text, wanted in (
        ("1 / 0", "raised ZeroDivisionError: division by zero"),
        ("def get_config(variant=''):\n    return missing", "raised NameError"),
        ("def get_config(variant=''):\n    return {}", "returned dict"),
        ("x = 1", "has no function get_config"),
        ("def get_config(", "raised SyntaxError"),
    ):
        recipe.write_text(text)
        assert wanted in refused("--config=mine.py", "--workdir=run")


def test_onnx_file_that_is_not_onnx(refused, tmp_path):
    (tmp_path / "teacher.onnx").write_bytes(b"not a model" * 100)
    line = refused(*SMOKE, "--config.teacher.onnx=teacher.onnx")
    assert "teacher.onnx" in line
    assert "ONNX" in line


def test_data_that_is_not_prepared(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    line = refused("--config=cifar10:s3", "--workdir=run", "--config.data.data_dir=empty")
    assert "cifar10" in line
    assert "data_dir" in line


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' /proc")
def test_workdir_without_write_permission(refused):
    assert "cannot write to /proc" in refused("--config=digits:smoke", "--workdir=/proc/run")


def test_record_of_something_else(refused, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "record.json").write_text(json.dumps({"schema": 99}))
    assert "no record of schema 1" in refused(*SMOKE)


def test_a_user_recipe_from_any_folder_is_read(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from configs.digits import get_config as digits\n"
        "def get_config(variant='smoke'):\n"
        "    config = digits(variant)\n"
        "    config.search.epochs = 0\n"
        "    return config\n"
    )
    assert main(["--config=mine.py", "--workdir=run"]) == 2
    assert "search.epochs=0" in capfd.readouterr().err


def test_help_names_every_stage_and_flag(capfd):
    assert main(["--help"]) == 0
    text = capfd.readouterr().out
    for wanted in ("--workdir", "--stages", "--dry_run", "--overwrite", "teacher, search, train"):
        assert wanted in text
    assert "\n  --config" not in text.split("flags:")[1]


def test_dry_run_prints_config_sizes_and_times_and_writes_nothing(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*SMOKE, "--dry_run", "--config.search.gamma=3.5"]) == 0
    text = capfd.readouterr().out
    assert "--config.search.gamma=3.5" in text
    assert "128 training, 200 validation, 400 test images" in text
    assert "S3 widest student: 183,194 params" in text
    for stage in ("teacher", "search", "train", "baseline", "evaluate", "export", "report"):
        assert f"  {stage} " in text
    assert not list(tmp_path.iterdir())
