"""What `benchmark_model` prints, in its three generations: figures of our own in its lines."""

import math

import pytest

from rnascl_tf.deploy.benchmark_model_output import parse_benchmark_model
from rnascl_tf.deploy.errors import DeployError

OLD = """STARTING!
Loaded model /data/local/tmp/model.tflite
count=3 first=2110 curr=1900 min=1900 max=2110 avg=1990.5 std=80

count=51 first=1503 curr=1411 min=1397 max=1702 avg=1.4375e+03 std=31

Inference timings in us: Init: 5250, First inference: 2110, Warmup (avg): 1990.5, \
Inference (avg): 1437.5
Peak memory footprint (MB): init=1.25 overall=3.5
"""
NEWER = """INFO: STARTING!
INFO: count=2 first=2110 curr=1900 min=1900 max=2110 avg=2005 std=80 p5=1900 median=2110 p95=2110
INFO: count=53 first=1503 curr=1411 min=1397 max=1702 avg=1437.5 \
std=31 p5=1400 median=1425 p95=1625

INFO: Inference timings in us: Init: 5250, First inference: 2110, Warmup (avg): 2005, \
Inference (avg): 1437.5
INFO: Memory footprint delta from the start of the tool (MB): init=2.5 overall=4.25
"""
LITERT = """========== BENCHMARK RESULTS ==========
INFO: [benchmark_litert_model.h:94] Model initialization: 5.25 ms
INFO: [benchmark_litert_model.h:96] Warmup (first):       2.11 ms
INFO: [benchmark_litert_model.h:98] Warmup (avg):         1.99 ms (20 runs)
INFO: [benchmark_litert_model.h:100] Inference (avg):      1.44 ms (59 runs)
INFO: [benchmark_litert_model.h:104] Inference (min):      1.40 ms
Memory Usage:
INFO: [benchmark_litert_model.h:128] Overall footprint:    4.25 MB
"""


@pytest.mark.parametrize(
    ("text", "runs", "mean", "median", "p95", "megabytes"),
    [
        (OLD, 51, 1.4375, None, None, 3.5),
        (NEWER, 53, 1.4375, 1.425, 1.625, 4.25),
        (LITERT, 59, 1.44, None, None, 4.25),
    ],
)
def test_each_generation(text, runs, mean, median, p95, megabytes):
    found = parse_benchmark_model(text, threads=2)
    latency = found.latency
    assert (latency.threads, latency.runs) == (2, runs)
    assert latency.mean_ms == pytest.approx(mean)
    assert (latency.p50_ms, latency.p90_ms, latency.p95_ms) == (median, None, p95)
    assert found.cold_start.load_ms == pytest.approx(5.25)
    assert found.cold_start.first_ms == pytest.approx(2.11)
    assert found.cold_start.peak_bytes == megabytes * 2**20


def test_without_a_footprint_nothing_is_made_up():
    text = OLD[: OLD.index("Peak memory")]
    assert parse_benchmark_model(text, 1).cold_start.peak_bytes == 0
    text = LITERT.replace("Warmup (first):       2.11 ms", "")
    assert math.isnan(parse_benchmark_model(text, 1).cold_start.first_ms)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("", "nothing"),
        ("STARTING!\nFailed to load the model\n", "Failed to load the model"),
        (OLD[: OLD.index("Inference timings")], "count=51"),
        ("/data/local/tmp/benchmark_model: not executable: 64-bit ELF file", "64-bit ELF"),
    ],
)
def test_output_without_a_result_is_quoted(text, last):
    with pytest.raises(DeployError, match="printed no timing; its last line was") as refusal:
        parse_benchmark_model(text, 1)
    assert last in str(refusal.value)
    assert "\n" not in str(refusal.value)
