"""record.json: created, updated, refused."""

import json

import pytest

from rnascl_tf.record import Record, RecordError, describe_environment


def test_is_written_whole_and_read_back(tmp_path):
    record = Record(tmp_path / "record.json")
    record["teacher"] = {"n_t": 17}
    record.values |= describe_environment()
    record.write()
    values = json.loads((tmp_path / "record.json").read_text())
    assert values["schema"] == 1
    assert values["versions"]["tensorflow"].count(".") == 2
    assert values["hardware"]["cores"] >= 1
    assert values["hardware"]["cpu"]
    assert Record(tmp_path / "record.json")["teacher"] == {"n_t": 17}
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_only_finished_stages_are_finished(tmp_path):
    record = Record(tmp_path / "record.json")
    record["stages"] = {"search": {"status": "started"}, "train": {"status": "finished"}}
    assert [record.is_finished(stage) for stage in ("teacher", "search", "train")] == [0, 0, 1]


def test_forgetting_a_stage_drops_what_it_found(tmp_path):
    record = Record(tmp_path / "record.json")
    record["stages"] = {"search": {}, "evaluate": {}}
    record["history"] = {"search": [1]}
    record["architecture"] = {"params": 1}
    record["search_diagnostics"] = {"epochs": 1}
    record["robustness"] = {"teacher": {}, "student": {}, "trades": {}, "baseline": {}}
    record.forget("search", ["architecture", "search_diagnostics", "latency_table"])
    assert record.get("search_diagnostics") is None
    assert (record["stages"], record["history"], record.get("architecture")) == (
        {"evaluate": {}},
        {},
        None,
    )
    record.forget(
        "evaluate", ["masking", "robustness.student", "robustness.trades", "robustness.baseline"]
    )
    assert record["robustness"] == {"teacher": {}}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"schema": 2}', "", '{"schema": 1}', '{"schema": 1, "stages": {"a": 1}}'],
)
def test_refuses_what_is_not_a_record(tmp_path, text):
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(RecordError, match=r"record\.json"):
        Record(tmp_path / "record.json")


def test_refuses_to_write_nan_and_keeps_the_old_file(tmp_path):
    record = Record(tmp_path / "record.json")
    record.write()
    before = (tmp_path / "record.json").read_text()
    record["robustness"] = {"loss": float("nan")}
    with pytest.raises(ValueError, match="not JSON compliant"):
        record.write()
    assert (tmp_path / "record.json").read_text() == before
