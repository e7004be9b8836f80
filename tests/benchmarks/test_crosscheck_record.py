"""The cross-check's record: what is counted, what a killed run goes on from, what is refused."""

import json

import numpy as np
import pytest

from benchmarks.crosscheck_record import begun, comparison, outcome, table
from rnascl_tf.robustness import RobustnessError

IDENTITY = {"network_sha256": "a1", "examples": 7, "epsilons": {"linf": 0.1}, "seed": 0}


def fresh():
    return {"identity": dict(IDENTITY), "attacks": {}}


def of(text):
    return outcome(np.array([letter == "1" for letter in text]), 1.26, "an attack")


def test_an_outcome_keeps_every_image():
    found = of("0110101")
    assert found["standing"] == "0110101"
    assert found["robust_accuracy"] == 4 / 7
    assert found["seconds"] == 1.3
    json.dumps(found)


def test_images_are_counted_by_who_breaks_them():
    found = comparison(of("0000111"), of("0011101"))
    assert found["images"] == {
        "both_break": 2,
        "only_ours_breaks": 2,
        "only_theirs_breaks": 1,
        "both_stand": 2,
    }
    assert found["difference_in_points"] == pytest.approx(-100 / 7, abs=1e-6)
    assert not found["within_a_point"]


@pytest.mark.parametrize(("more", "within"), [(0, True), (5, True), (6, False)])
@pytest.mark.parametrize("swap", [False, True])
def test_five_of_500_images_are_a_point(more, within, swap):
    pair = of("1" * 150 + "0" * 350), of("1" * (150 + more) + "0" * (350 - more))
    assert comparison(*(pair[::-1] if swap else pair))["within_a_point"] is within


def test_a_record_is_gone_on_with(tmp_path):
    path = tmp_path / "record.json"
    record = begun(path, fresh())
    record["attacks"]["linf/square"] = {"ours": of("01")}
    path.write_text(json.dumps(record))
    assert begun(path, fresh())["attacks"]["linf/square"]["ours"]["standing"] == "01"


def test_attacks_that_are_half_done_are_not_a_row():
    ours, theirs = of("0110"), of("0100")
    record = fresh()
    record["attacks"]["linf/square"] = {
        "ours": ours,
        "theirs": theirs,
        **comparison(ours, theirs),
    }
    record["attacks"]["linf/fab-t"] = {"ours": ours}
    assert table(record).row_count == 1


@pytest.mark.parametrize(
    ("name", "value"), [("network_sha256", "b2"), ("seed", 1), ("epsilons", {"linf": 0.2})]
)
def test_a_record_of_another_run_is_refused_and_kept(tmp_path, name, value):
    path = tmp_path / "record.json"
    begun(path, fresh())
    before = path.read_bytes()
    other = fresh()
    other["identity"][name] = value
    with pytest.raises(RobustnessError, match=f"another cross-check: {name}") as caught:
        begun(path, other)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"identity": 3, "attacks": {}}', '{"identity": {}}']
)
def test_a_damaged_record_is_refused_and_kept(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_text(content)
    with pytest.raises(RobustnessError, match="not a record of a cross-check"):
        begun(path, fresh())
    assert path.read_text() == content


def test_an_unwritable_place_is_said_before_hours_of_work(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        begun(tmp_path / "missing" / "record.json", fresh())
