"""What `benchmark_model` prints, in its four generations: figures of our own in its lines."""

import pytest

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.latency.benchmark_model_output import parse_benchmark_model

OLDEST = """Loaded model /data/local/tmp/model.tflite
Initialized session in 5.25ms
Running benchmark for at least 20 iterations and at least 0.5 seconds
count=23 first=2110 curr=1900 min=1900 max=2110 avg=1990.5 std=80

Running benchmark for at least 50 iterations and at least 1 seconds
count=61 first=1503 curr=1411 min=1397 max=1702 avg=1437.5 std=31

Average inference timings in us: Warmup: 1990.5, Init: 5250, no stats: 1437.5
"""
OLD = """STARTING!
Initialized session in 5.25ms.
count=23 first=2110 curr=1900 min=1900 max=2110 avg=1990.5 std=80

count=51 first=1503 curr=1411 min=1397 max=1702 avg=1.4375e+03 std=31

Inference timings in us: Init: 5250, First inference: 2110, Warmup (avg): 1990.5, \
Inference (avg): 1437.5
Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE
Peak memory footprint (MB): init=1.25 overall=3.5
"""
NEWER = """INFO: STARTING!
INFO: Initialized session in 5.25ms.
INFO: count=22 first=2110 curr=1900 min=1900 max=2110 avg=2005 std=80 p5=1900 median=2110 p95=2110
INFO: count=53 first=1503 curr=1411 min=1397 max=1702 avg=1437.5 std=31 p5=1400 median=1425 p95=1625

INFO: Inference timings in us: Init: 5250, First inference: 2110, Warmup (avg): 2005, \
Inference (avg): 1437.5
INFO: Memory footprint delta from the start of the tool (MB): init=2.5 overall=4.25
"""
LITERT = """INFO: [litert/runtime/accelerators/registration.cc:109] CPU accelerator registered.
INFO: Initialized session in 5.25ms.
INFO: count=22 first=2110 curr=1900 min=1900 max=2110 avg=2005 std=80 p5=1900 median=2110 p95=2110
INFO: count=59 first=143 curr=141 min=139 max=172 avg=143.75 std=3 p5=140 median=142 p95=162

INFO: [litert/tools/benchmark_litert_model.h:81]
========== BENCHMARK RESULTS ==========
INFO: [litert/tools/benchmark_litert_model.h:82] Model initialization: 5.25 ms
INFO: [litert/tools/benchmark_litert_model.h:84] Warmup (first):       2.11 ms
INFO: [litert/tools/benchmark_litert_model.h:86] Warmup (avg):         2.01 ms (22 runs)
INFO: [litert/tools/benchmark_litert_model.h:88] Inference (avg):      0.14 ms (59 runs)
INFO: [litert/tools/benchmark_litert_model.h:114] Init footprint:       2.50 MB
INFO: [litert/tools/benchmark_litert_model.h:128] Overall footprint:    4.25 MB
"""


@pytest.mark.parametrize(
    ("text", "runs", "mean", "median", "p95", "megabytes"),
    [
        (OLDEST, 61, 1.4375, None, None, None),
        (OLD, 51, 1.4375, None, None, 3.5),
        (NEWER, 53, 1.4375, 1.425, 1.625, 4.25),
        # Not the 0.14 of its block: to the microsecond, and with percentiles.
        (LITERT, 59, 0.14375, 0.142, 0.162, 4.25),
    ],
)
def test_each_generation(text, runs, mean, median, p95, megabytes):
    found = parse_benchmark_model(text, threads=2)
    latency = found.latency
    assert (latency.threads, latency.runs) == (2, runs)
    assert latency.mean_ms == pytest.approx(mean)
    assert (latency.p50_ms, latency.p90_ms, latency.p95_ms) == (median, None, p95)
    assert found.cold_start.load_ms == 5.25
    assert found.cold_start.first_ms == pytest.approx(2.11)
    peak = found.cold_start.peak_bytes
    assert peak == (None if megabytes is None else megabytes * 2**20)


def test_single_runs_have_neither_first_nor_average():
    # A slow network warms up in one run, and with --num_runs=1 is measured in one.
    text = """INFO: Initialized session in 6.418ms.
INFO: count=1 curr=1041765

INFO: count=1 curr=977738
INFO: Inference timings in us: Init: 6418, First inference: 1041765, Warmup (avg): 1.04176e+06
"""
    found = parse_benchmark_model(text, 1)
    assert (found.latency.runs, found.latency.mean_ms) == (1, pytest.approx(977.738))
    assert found.cold_start.first_ms == pytest.approx(1041.765)


def test_a_measured_run_is_not_taken_from_the_warm_up():
    text = NEWER.replace(NEWER.splitlines()[3], "INFO: count=7 curr=1437(all same)")
    found = parse_benchmark_model(text, 1)
    assert (found.latency.runs, found.latency.mean_ms) == (7, pytest.approx(1.437))


@pytest.mark.parametrize("prefix", ["", "INFO: ", "07-08 15:40:38.060 I/tflite  ( 6794): "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_prefixes_and_line_ends_change_nothing(prefix, end):
    text = end.join(prefix + line.removeprefix("INFO: ") for line in NEWER.splitlines())
    assert parse_benchmark_model(text, 2) == parse_benchmark_model(NEWER, 2)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("", "nothing"),
        ("STARTING!\nFailed to load the model\n", "Failed to load the model"),
        (OLD[: OLD.index("count=51")].rstrip(), "count=23"),
        (OLD.replace("Initialized", "").rstrip(), "Peak memory"),
        ("INFO: Initialized session in 1ms.\nINFO: count=0\nINFO: count=0\n", "count=0"),
        ("/data/local/tmp/benchmark_model: not executable: 64-bit ELF file", "64-bit ELF"),
    ],
)
def test_output_without_a_result_is_quoted(text, last):
    with pytest.raises(DeployError, match="printed no times; its last line was") as refusal:
        parse_benchmark_model(text, 1)
    assert last in str(refusal.value)
    assert "\n" not in str(refusal.value)
