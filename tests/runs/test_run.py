"""A run's folder: created when a stage starts, locked while one works, refused in one line."""

import json

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.files import reading_only
from rnascl_tf.recipes import load_recipe
from rnascl_tf.runs import Run


@pytest.fixture
def run(tmp_path):
    return Run(load_recipe("digits:smoke"), tmp_path / "run")


def test_the_constructor_touches_nothing(run):
    assert not run.workdir.exists()
    assert not run.is_done("teacher")


def test_an_announced_stage_is_recorded_when_it_asks_for_its_folder(run):
    run.announce("toy", {"status": "started", "settings": {}})
    assert not run.workdir.exists()
    assert run.folder("toy").is_dir()
    assert json.loads(run.record.path.read_text())["stages"]["toy"]["status"] == "started"


def test_what_is_overwritten_goes_with_its_findings(run):
    (run.folder("old") / "file").touch()
    run.record["stages"]["old"] = {"status": "finished", "settings": {}}
    run.record["robustness"]["old"] = {}
    run.announce("toy", {"status": "started", "settings": {}}, {"old": ("robustness.old",)})
    run.folder("toy")
    assert not (run.workdir / "old").exists()
    assert "old" not in run.record["stages"]
    assert not run.record["robustness"]


def test_who_only_reads_makes_no_folder(run):
    with reading_only():
        assert not run.folder("toy").exists()


def test_a_new_run_is_locked_with_its_first_stage_and_another_at_once(run):
    with run.locked():
        assert not run.workdir.exists(), "input may still be refused"
        run.folder("toy")
        assert (run.workdir / ".lock").exists()
    run.record.write()
    with run.locked(), pytest.raises(UserError, match="in use by process"):
        Run(run.config, run.workdir).locked().__enter__()


def test_a_file_in_the_place_of_a_folder_is_named(run, tmp_path):
    run.workdir.write_text("")
    with pytest.raises(UserError, match=r"^\S*/run is not a folder: give another --workdir"):
        run.folder("toy")
