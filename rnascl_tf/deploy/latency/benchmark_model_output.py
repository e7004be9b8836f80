"""Reads the output of Google's `benchmark_model`, in four generations of its format.

| generation                  | how to recognise it                                                    |
|-----------------------------|------------------------------------------------------------------------|
| TensorFlow Lite to 2.0      | ends with `Average inference timings in us: .. no stats: ..`           |
| TensorFlow Lite to 2.11     | ends with `Inference timings in us: .. Inference (avg): ..`            |
| TensorFlow Lite from 2.12   | `count=` lines end with `p5=.. median=.. p95=..`                       |
| LiteRT                      | the same, and at the end a block `Inference (avg): 0.14 ms (50 runs)`  |

All of them print `Initialized session in 4.1ms`, one `count=` line for the warm-up and one for the
measurement, both in microseconds. These lines are read; the final summaries are not. LiteRT rounds its
summary to 0.01 ms, 7% of a small network's time, and on Android may write it to the system log
instead. Lines may have a prefix (`INFO: `, `I tflite  : `). A number that a generation does not print
is None. Source: tflite/tools/benchmark/benchmark_model.cc and litert/tools/benchmark_litert_model.h of
google-ai-edge/LiteRT.
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
        latency: older generations print neither p50 nor p95, and none prints p90.
        cold_start: its peak is the tool's approximate overall footprint.
    """

    latency: Latency
    cold_start: ColdStart


def parse_benchmark_model(text: str, threads: int) -> DeviceTiming:
    """Reads the tool's output.

    Args:
        text: standard output and error together.
        threads: number of threads that the tool was given.

    Raises:
        DeployError: there is no result of any known generation; the text's last line is quoted.
    """
    started = re.search(rf"Initialized session in {_NUMBER}\s*ms", text)
    counts = re.findall(r"\bcount=[1-9].*", text)
    if started is None or len(counts) < 2:
        last = (text.strip().splitlines() or ["nothing"])[-1]
        raise DeployError(f"benchmark_model printed no times; its last line was: {last[:200]}")
    found: list[dict[str, str]] = [
        dict(re.findall(rf"(\w+)={_NUMBER}", line)) for line in counts[-2:]
    ]
    warmup, measured = found
    return DeviceTiming(
        Latency(
            threads,
            int(measured["count"]),
            # For a single run, or equal ones, the tool prints only `curr`.
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


def _milliseconds(microseconds: str | None) -> float | None:
    return None if microseconds is None else float(microseconds) / 1000


def _footprint(text: str) -> int | None:
    for pattern in _FOOTPRINTS:
        found = re.search(pattern, text)
        if found:
            return round(float(found[1]) * _BYTES_PER_MB)
    return None
