import dataclasses
import time

import numpy as np
import pytest

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier
from rnascl_tf.deploy.latency.timing import measure_interleaved, measure_latency


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_every_run_is_faster_than_all_together(tflite_files, kind):
    start = time.perf_counter()
    latency = measure_latency(tflite_files[kind], threads=2, runs=31, warmup=3)
    total_ms = (time.perf_counter() - start) * 1e3
    assert (latency.threads, latency.runs) == (2, 31)
    assert 0 < latency.p50_ms <= latency.p90_ms
    assert 0 < latency.mean_ms * 31 < total_ms
    with pytest.raises(dataclasses.FrozenInstanceError):
        latency.runs = 1


def test_statistics_and_what_is_timed(tflite_files, monkeypatch):
    # A clock that jumps only inside invoke: by 1, 2, ... ms; copying images takes 5 s each.
    clock = {"ns": 0, "runs": 0}

    def invoke(_):
        clock["runs"] += 1
        clock["ns"] += clock["runs"] * 1_000_000

    def set_image(_, image):
        assert image.shape == (29, 31, 3)
        clock["ns"] += 5_000_000_000

    monkeypatch.setattr(TFLiteClassifier, "invoke", invoke)
    monkeypatch.setattr(TFLiteClassifier, "set_image", set_image)
    monkeypatch.setattr(time, "perf_counter_ns", lambda: clock["ns"])
    latency = measure_latency(tflite_files["float32"], runs=21, warmup=10)
    # Runs 1 to 10 warm up; the measured ones last 11 to 31 ms.
    assert clock["runs"] == 31
    assert latency.mean_ms == pytest.approx(21)
    assert latency.p50_ms == pytest.approx(21)
    assert latency.p90_ms == pytest.approx(29)
    assert latency.p95_ms == pytest.approx(30)


def test_files_are_interleaved_and_none_always_begins(tflite_files, monkeypatch):
    clock, order = {"ns": 0}, []
    cost = {tflite_files["float32"]: 2, tflite_files["int8"]: 6, tflite_files["dynamic"]: 3}

    def remember(self, content, threads=1):
        self.cost, self.input_shape = cost[content], (29, 31, 3)

    def invoke(self):
        # The machine becomes slower all the time: by 1% at each inference.
        clock["factor"] = clock.get("factor", 1.0) * 1.01
        clock["ns"] += int(self.cost * clock["factor"] * 1_000_000)
        order.append(self.cost)

    monkeypatch.setattr(TFLiteClassifier, "__init__", remember)
    monkeypatch.setattr(TFLiteClassifier, "set_image", lambda *_: None)
    monkeypatch.setattr(TFLiteClassifier, "invoke", invoke)
    monkeypatch.setattr(time, "perf_counter_ns", lambda: clock["ns"])
    files = {kind: tflite_files[kind] for kind in ("float32", "int8", "dynamic")}
    seen = []
    timings = measure_interleaved(
        files, runs=11, rounds=4, warmup=0, on_round=lambda *done: seen.append(done)
    )
    # 11 inferences in 4 turns are 2, 3, 3 and 3.
    assert order[:6] == [2, 2, 6, 6, 3, 3]
    assert order[6:15] == [6, 6, 6, 3, 3, 3, 2, 2, 2]
    assert [timing.latency.runs for timing in timings.values()] == [11, 11, 11]
    assert [len(timing.round_medians_ms) for timing in timings.values()] == [4, 4, 4]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    middle, low, high = timings["int8"].ratio_to(timings["float32"])
    # Drift within a round is what remains; over all rounds the machine became 39% slower.
    assert low <= middle <= high
    assert middle == pytest.approx(3.0, rel=0.07)
    assert timings["float32"].ratio_to(timings["float32"]) == (1.0, 1.0, 1.0)


def test_more_rounds_than_runs_are_not_made(tflite_files):
    timing = measure_interleaved({"a": tflite_files["float32"]}, runs=3, rounds=10)["a"]
    assert len(timing.round_medians_ms) == timing.latency.runs == 3


def test_the_image_is_always_the_same(tflite_files, monkeypatch):
    seen = []
    monkeypatch.setattr(TFLiteClassifier, "set_image", lambda _, image: seen.append(image))
    for _ in range(2):
        measure_latency(tflite_files["float32"], runs=1, warmup=0)
    np.testing.assert_array_equal(seen[0], seen[1])
    assert seen[0].dtype == np.float32
    assert 0 <= seen[0].min() < 0.1 < 0.9 < seen[0].max() <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"runs": 0}, "runs must be 1 or more, got 0"),
        ({"warmup": -1}, "warmup must be 0 or more, got -1"),
        ({"threads": 0}, "threads must be 1 or more, got 0"),
        ({"rounds": 0}, "rounds must be 1 or more, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(tflite_files, arguments, message):
    with pytest.raises(DeployError, match=message):
        measure_interleaved({"a": tflite_files["float32"]}, **arguments)


def test_other_files_are_refused():
    with pytest.raises(DeployError, match="not a TFLite file"):
        measure_latency(b"PK\x03\x04 a zip file")
