"""The command `rnascl latency-table`, on a space of two blocks, and its parts."""

import functools
import json

import numpy as np
import pytest
from PIL import Image

from rnascl_tf.commands import latency_table as command
from rnascl_tf.deploy import DeployError, TFLiteClassifier
from rnascl_tf.deploy.latency import block_files, block_timing
from rnascl_tf.deploy.latency.block_files import block_file, stem_file, student_file, tail_file
from rnascl_tf.deploy.latency.timing import Latency, Timing
from rnascl_tf.networks import (
    SEARCH_SPACES,
    BlockShape,
    SearchProblem,
    SearchSpace,
    build_student,
    read_latency_table,
)
from rnascl_tf.networks.search_space import Head, StageSpace

SHAPE = (13, 11, 3)
TINY = SearchSpace(
    "tiny", (StageSpace((7, 5, 3), 1, 2, 2), StageSpace((11, 9, 6), 1, 1, 1)), stem_filters=4
)
HEADED = SearchSpace("headed", (StageSpace((7, 5), 1, 2, 2),), 4, Head(expansion=2, filters=13))


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(SEARCH_SPACES, "tiny", TINY)
    monkeypatch.setitem(SEARCH_SPACES, "headed", HEADED)


class Additive:
    """A device on which a file takes as long as a formula says, to the last digit."""

    def __init__(self, intercept=0.03, slope=1.5):
        self.description = {"kind": "local", "cpu": "a formula"}
        self.intercept, self.slope = intercept, slope

    @staticmethod
    def part(name):
        if name.startswith("block_"):
            inputs, filters, stride, _, height, width = map(int, name.split("_")[1:])
            return (inputs * filters + 7 * filters**2 % 11) * height * width / stride / 1e5
        return {"stem": 0.01}.get(name, 0.0)

    def time(self, name, shape=(13, 11)):
        overhead = 0.002
        if name.startswith("student_"):
            first, second = map(int, name.split("_")[1:])
            height, width = (-(-side // 2) for side in shape)
            parts = self.part(f"block_4_{first}_2_2_{height}_{width}")
            height, width = (-(-side // 2) for side in (height, width))
            parts += self.part(f"block_{first}_{second}_1_1_{height}_{width}")
            return self.intercept + self.slope * (parts + 0.01 + 0.001 * second)
        if name.startswith("tail_"):
            return 0.001 * int(name.split("_")[1])
        return overhead + self.part(name)

    def measure(self, files, threads, runs, rounds, on_round):
        timings = {}
        for name in files:
            exact = self.time(name)
            # A quarter of the rounds is disturbed, which only ever adds time.
            medians = [exact * (3.0 if number % 4 == 3 else 1.0) for number in range(rounds)]
            timings[name] = Timing(
                Latency(threads, runs, exact, exact, exact, exact), tuple(medians)
            )
        on_round(rounds, rounds)
        return timings


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
    table, check = block_timing.measure_table(
        wanted(), dict.fromkeys(names, b""), Additive(), 1, 100, 8, lambda *_: None
    )
    assert table.slope == pytest.approx(1.5)
    assert table.intercept_ms == pytest.approx(0.03)
    assert check["students"] == 3
    assert check["largest_error"] < 1e-9
    assert check["rank_correlation"] == pytest.approx(1.0)
    device = Additive()
    for first in (7, 5, 3):
        for second in (11, 9, 6):
            exact = device.time(f"student_{first}_{second}")
            assert table.predict([[first], [second]]) == pytest.approx(exact, rel=1e-9)


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
    check = block_timing.measure_table(wanted(), names, device, 1, 100, 8, lambda *_: None)[1]
    assert check["largest_error"] < 1e-9
    # The disturbed empty file, and what is counted from it; nothing else.
    assert device.calls.count("block_4_7_2_2_7_6") == device.calls.count("stem") == 3
    assert device.calls.count("block_7_9_1_1_4_3") == 1
    with pytest.raises(
        DeployError, match=r"block_4_7_2_2_7_6, .*stem took no longer than an empty"
    ):
        block_timing.measure_table(
            wanted(), names, Hesitant(recovers=False), 1, 100, 8, lambda *_: None
        )


def test_files_of_another_size_are_not_taken_for_these(tiny, tmp_path):
    # A space of two students: every file takes a second to convert.
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


def test_files_are_the_parts_they_are_named_after(tiny):
    block = block_file(BlockShape(4, 7, 2, 2, 9, 5), "float32", "relu6")
    classifier = TFLiteClassifier(block)
    assert (classifier.input_shape, classifier.num_classes) == ((9, 5, 4), 7)
    whole = (SearchProblem(TINY, 5, SHAPE), "float32", "relu6")
    stem = TFLiteClassifier(stem_file(*whole))
    assert (stem.input_shape, stem.num_classes) == ((13, 11, 3), 4)
    tail = TFLiteClassifier(tail_file(9, *whole))
    assert (tail.input_shape, tail.num_classes) == ((4, 3, 9), 5)
    headed = TFLiteClassifier(tail_file(5, SearchProblem(HEADED, 5, SHAPE), *whole[1:]))
    assert (headed.input_shape, headed.num_classes) == ((4, 3, 5), 5)
    student = TFLiteClassifier(student_file([[7], [9]], *whole))
    images = np.random.default_rng(0).random((3, 13, 11, 3), np.float32)
    fields = {"space": "tiny", "filters": [[7], [9]], "num_classes": 5, "activation": "relu6"}
    keras_logits = build_student({**fields, "input_shape": [13, 11, 3]})(images)
    # The same seed, so the same untrained weights; float32 sums in another order.
    np.testing.assert_allclose(student.predict(images), keras_logits, atol=1e-5)


def run(capsys, *arguments):
    code = command.main(list(map(str, arguments)))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_measures_resumes_and_draws(tiny, tmp_path, capsys, monkeypatch):
    out = tmp_path / "new" / "table.json"
    flags = ["--space=tiny", "--image_size=13", "--num_classes=5", f"--out={out}"]
    flags += ["--runs=8", "--rounds=4", "--check=3", "--activation=relu6"]
    made = []
    real = block_timing.block_file

    def stopping(shape, *rest):
        made.append(shape)
        if len(made) == 5:
            raise KeyboardInterrupt
        return real(shape, *rest)

    monkeypatch.setattr(block_timing, "block_file", stopping)
    # What is converted is another test's, and real times of networks this small are mostly noise.
    monkeypatch.setattr(block_files, "_file", lambda model, _: model.name.encode())
    formula = Additive()
    monkeypatch.setattr(formula, "time", functools.partial(formula.time, shape=(13, 13)))
    monkeypatch.setattr(command, "device_named", lambda *_: formula)
    assert run(capsys, *flags)[0] == 130
    assert not out.exists()
    code, output, errors = run(capsys, *flags)
    assert code == 0, errors
    # 3 blocks of the first stage and 9 of the second; four were made before.
    assert len(made) == 5 + 12 - 4
    assert "12 distinct blocks, 9 students" in output
    assert "rank correlation" in output
    table = read_latency_table(out)
    record = json.loads(out.read_text())
    assert (table.problem.space.name, table.kind, table.activation) == ("tiny", "float32", "relu6")
    assert len(record["check"]["measured_ms"]) == 3
    assert record["check"]["largest_error"] < 1e-9
    assert record["settings"]["runs"] == 8
    assert Image.open(out.with_suffix(".png")).width > 400
    assert sorted(path.name for path in out.parent.iterdir()) == ["table.json", "table.png"]


def test_a_table_that_is_there_is_not_overwritten_unasked(capsys, tmp_path):
    out = tmp_path / "table.json"
    out.write_text("hours of work")
    code, _, errors = run(capsys, f"--out={out}", "--space=S5")
    assert code == 2
    assert "is there already: give another --out, or --overwrite" in errors
    assert out.read_text() == "hours of work"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--out is missing"),
        (["--out=table.txt"], "should be a .json file"),
        (["--out=table.json", "--space=S4"], "S4"),
        (["--out=table.json", "--kind=int4"], "int4"),
        (["--out=table.json", "--device=phone"], "unknown device 'phone'"),
        (["--out=table.json", "--check=1"], "check"),
        (["--out=table.json", "--image_size=2"], "image_size"),
    ],
)
def test_wrong_input_is_one_line(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, errors = run(capsys, *arguments)
    assert code == 2
    assert message in errors
    assert len(errors.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
