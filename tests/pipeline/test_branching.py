"""A run that starts from finished stages of another."""

import json

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.pipeline import branch
from rnascl_tf.record import Record


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    record = Record(folder / "record.json")
    for stage in ("teacher", "search"):
        record["stages"][stage] = {"status": "finished", "seconds": 1.0, "settings": {}}
        (folder / stage).mkdir(parents=True)
        (folder / stage / "file").write_text(stage)
    record["history"]["search"] = [{"epoch": 0}]
    record["teacher"], record["architecture"] = {"name": "t"}, {"params": 1}
    record.write()
    return folder


def test_takes_the_stages_and_what_they_found_and_no_others(source, tmp_path):
    branch(source, tmp_path / "target", ("teacher",))
    values = json.loads((tmp_path / "target" / "record.json").read_text())
    assert list(values["stages"]) == ["teacher"]
    assert values["teacher"] == {"name": "t"}
    assert "architecture" not in values
    assert not values["history"]
    assert (tmp_path / "target" / "teacher" / "file").read_text() == "teacher"
    assert not (tmp_path / "target" / "search").exists()


def test_leaves_a_run_that_is_there_alone(source, tmp_path):
    branch(source, tmp_path / "target", ("teacher",))
    (tmp_path / "target" / "teacher" / "file").write_text("mine")
    branch(source, tmp_path / "target", ("teacher",))
    assert (tmp_path / "target" / "teacher" / "file").read_text() == "mine"


def test_goes_on_where_a_killed_branch_has_left_a_folder(source, tmp_path):
    (tmp_path / "target" / "teacher").mkdir(parents=True)
    (tmp_path / "target" / "teacher" / "half").write_text("")
    branch(source, tmp_path / "target", ("teacher",))
    assert [path.name for path in (tmp_path / "target" / "teacher").iterdir()] == ["file"]


def test_refuses_stages_that_are_not_finished(source, tmp_path):
    with pytest.raises(UserError, match="has not finished its train stage"):
        branch(source, tmp_path / "target", ("teacher", "train"))
    assert not (tmp_path / "target").exists()
