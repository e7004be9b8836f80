"""Reads what Google's `benchmark_model` prints, of four generations, into one set of numbers.

| generation                  | what tells it from the others                                          |
|-----------------------------|------------------------------------------------------------------------|
| TensorFlow Lite to 2.0      | ends with `Average inference timings in us: .. no stats: ..`           |
| TensorFlow Lite to 2.11     | ends with `Inference timings in us: .. Inference (avg): ..`            |
| TensorFlow Lite from 2.12   | `count=` lines end with `p5=.. median=.. p95=..`                       |
| LiteRT                      | so do they, and the end is a block `Inference (avg): 0.14 ms (50 runs)`|

All of them print `Initialized session in 4.1ms` and one `count=` line, in microseconds, for the
warm-up and one for the measurement: these are read. Not the ends: LiteRT rounds its own to 0.01 ms, 7%
of a small network's time, and on Android may send it to the system's log instead.
Lines may have a prefix (`INFO: `, `I tflite  : `). Nothing is made up: what a generation does not
print is None. Source: tflite/tools/benchmark/benchmark_model.cc and
litert/tools/benchmark_litert_model.h of google-ai-edge/LiteRT.
"""

import dataclasses
import re

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.latency.cold_start import ColdStart
from rnascl_tf.deploy.latency.timing import Latency

_NUMBER = r"([0-9.]+(?:e[+-]?[0-9]+)?)"
_FOOTPRINTS = (
    rf"Memory footprint delta.*overall={_NUMBER}",
    rf"Peak memory footprint \(MB\).*overall={_NUMBER}",
    rf"Overall footprint:\s+{_NUMBER} MB",
)
_BYTES_PER_MB = 2**20


@dataclasses.dataclass(frozen=True)
class DeviceTiming:
    """One run of the tool.

    Attributes:
        latency: the `Latency`; older generations print neither p50 nor p95, none prints p90.
        cold_start: the `ColdStart`; its peak is the tool's approximate overall footprint.
    """

    latency: Latency
    cold_start: ColdStart


def parse_benchmark_model(text, threads):
    """Reads the tool's output.

    Args:
        text: standard output and error together.
        threads: what the tool was told.

    Returns:
        A `DeviceTiming`.

    Raises:
        DeployError: the text has no result of any known generation; its last line is quoted.
    """
    started = re.search(rf"Initialized session in {_NUMBER}\s*ms", text)
    counts = re.findall(r"\bcount=[1-9].*", text)
    if started is None or len(counts) < 2:
        last = (text.strip().splitlines() or ["nothing"])[-1]
        raise DeployError(f"benchmark_model printed no timing; its last line was: {last[:200]}")
    warmup, measured = (dict(re.findall(rf"(\w+)={_NUMBER}", line)) for line in counts[-2:])
    return DeviceTiming(
        Latency(
            threads,
            int(measured["count"]),
            # Of a single run, or of equal ones, the tool prints only the current.
            float(measured.get("avg", measured["curr"])) / 1000,
            _milliseconds(measured.get("median")),
            None,
            _milliseconds(measured.get("p95")),
        ),
        ColdStart(
            float(started[1]),
            float(warmup.get("first", warmup["curr"])) / 1000,
            _footprint(text),
        ),
    )


def _milliseconds(microseconds):
    return None if microseconds is None else float(microseconds) / 1000


def _footprint(text):
    for pattern in _FOOTPRINTS:
        found = re.search(pattern, text)
        if found:
            return round(float(found[1]) * _BYTES_PER_MB)
    return None
