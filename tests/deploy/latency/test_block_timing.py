"""Latency tables from the times of blocks, on a device that is a formula."""

import pytest

from rnascl_tf.deploy import DeployError
from rnascl_tf.deploy.latency import block_files, block_timing
from rnascl_tf.networks import SEARCH_SPACES, SearchProblem
from tests.deploy.latency.conftest import HEADED, SHAPE, TINY, Additive


def wanted(**changes):
    facts = {
        "problem": SearchProblem(TINY, 5, SHAPE),
        "kind": "float32",
        "activation": "relu6",
        "check": 3,
        "seed": 0,
    }
    return block_timing.MeasuredTable(**(facts | changes))


def test_a_table_of_additive_times_predicts_them_exactly(tiny):
    names = block_timing._makers(wanted())
    table, students = block_timing.measure_table(
        wanted(), dict.fromkeys(names, b""), Additive(), 1, 100, 8, lambda *_: None
    )
    assert table.slope == pytest.approx(1.5)
    assert table.intercept_ms == pytest.approx(0.03)
    assert len(students.measured_ms) == 3
    assert students.errors.max() < 1e-9
    assert table.check == students.check
    assert table.check.rank_correlation == pytest.approx(1.0)
    assert table.is_reliable
    device = Additive()
    for first in (7, 5, 3):
        for second in (11, 9, 6):
            exact = device.time(f"student_{first}_{second}")
            assert table.predict([[first], [second]]) == pytest.approx(exact, rel=1e-9)


def test_students_of_a_check_by_hand():
    students = block_timing.CheckedStudents((1.0, 2.0, 4.0), (1.1, 2.1, 2.0))
    found = students.to_json()
    # 10%, 5% and 50% off; ranks 1 2 3 against 1 3 2: 1 - 6 * 2 / (3 * 8).
    assert students.check.median_error == found["median_error"] == pytest.approx(0.1)
    assert students.check.rank_correlation == found["rank_correlation"] == pytest.approx(0.5)
    assert not students.check.is_good
    assert (found["students"], found["largest_error"]) == (3, 0.5)
    assert (found["fastest_ms"], found["slowest_ms"]) == (1.0, 4.0)


def test_noise_is_refused(tiny):
    device = Additive(slope=-1.0, intercept=1.0)
    names = dict.fromkeys(block_timing._makers(wanted()), b"")
    with pytest.raises(DeployError, match="the device is too noisy"):
        block_timing.measure_table(wanted(), names, device, 1, 100, 8, lambda *_: None)


class Hesitant(Additive):
    """Disturbed while one block is timed first, and at every time if it never recovers."""

    def __init__(self, recovers):
        super().__init__()
        self.recovers, self.calls = recovers, []

    def time(self, name):
        self.calls.append(name)
        if name == "empty_7_6_4" and (not self.recovers or self.calls.count(name) < 3):
            return 9.0
        return super().time(name)


def test_a_part_that_seems_to_take_no_time_is_timed_again(tiny):
    names = dict.fromkeys(block_timing._makers(wanted()), b"")
    device = Hesitant(recovers=True)
    students = block_timing.measure_table(wanted(), names, device, 1, 100, 8, lambda *_: None)[1]
    assert students.errors.max() < 1e-9
    # The disturbed empty file, and what is counted from it; nothing else.
    assert device.calls.count("block_4_7_2_2_7_6") == device.calls.count("stem") == 3
    assert device.calls.count("block_7_9_1_1_4_3") == 1
    with pytest.raises(
        DeployError, match=r"block_4_7_2_2_7_6, .*stem took no longer than an empty"
    ):
        block_timing.measure_table(
            wanted(), names, Hesitant(recovers=False), 1, 100, 8, lambda *_: None
        )


def test_files_of_another_size_are_not_taken_for_these(tiny, tmp_path, monkeypatch):
    # What is converted is another test's.
    monkeypatch.setattr(block_files, "_file", lambda model, _: str(model.input_shape).encode())
    small, large = (
        wanted(problem=SearchProblem(HEADED, 5, (side, side, 3)), check=0) for side in (9, 13)
    )
    # Blocks have another name in each; students, stem and tails have the same.
    of_small = block_timing.table_files(small, tmp_path, lambda *_: None)
    of_large = block_timing.table_files(large, tmp_path, lambda *_: None)
    for name in ("stem", "tail_7", "student_7"):
        assert name in of_small
        assert of_small[name] != of_large[name], name


def test_students_to_check_on_are_not_those_fitted_to():
    s3 = SearchProblem(SEARCH_SPACES["S3"], 10, (32, 32, 3))
    fitted, checked = wanted(check=20, problem=s3).students()
    assert (len(fitted), len(checked)) == (6, 20)
    assert fitted[:2] == [SEARCH_SPACES["S3"].narrowest, SEARCH_SPACES["S3"].widest]
    every = [str(filters) for filters in fitted + checked]
    assert len(set(every)) == 26
    again = wanted(check=20, problem=s3).students()
    assert again == (fitted, checked)
    # A space of nine students has no more to give, and each of them once.
    fitted, checked = wanted(check=20).students()
    assert [len(fitted), len(checked)] == [6, 3]
    assert len({str(filters) for filters in fitted + checked}) == 9
