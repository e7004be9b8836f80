import dataclasses
import time

import numpy as np
import pytest

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier
from rnascl_tf.deploy.latency import measure_latency


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
    ],
)
def test_numbers_out_of_range_are_refused(tflite_files, arguments, message):
    with pytest.raises(DeployError, match=message):
        measure_latency(tflite_files["float32"], **arguments)


def test_other_files_are_refused():
    with pytest.raises(DeployError, match="not a TFLite file"):
        measure_latency(b"PK\x03\x04 a zip file")
