"""Reads what Google's `benchmark_model` prints, of three generations, into one set of numbers.

| generation                  | lines                                                                  |
|-----------------------------|------------------------------------------------------------------------|
| TensorFlow Lite to 2.11     | `count=50 first=.. min=.. max=.. avg=.. std=..`, microseconds          |
| TensorFlow Lite from 2.12   | the same with `p5=.. median=.. p95=..` behind                          |
| LiteRT                      | `Inference (avg): 0.2 ms (50 runs)` and the like, milliseconds         |

Lines may have a prefix (`INFO: `, `I tflite  : `). Nothing is made up: what a generation does not
print is None.
"""

import dataclasses
import re

from rnascl_tf.deploy.cold_start import ColdStart
from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.timing import Latency

_NUMBER = r"([0-9.]+(?:e[+-]?[0-9]+)?)"
_BYTES_PER_MB = 2**20


@dataclasses.dataclass(frozen=True)
class DeviceTiming:
    """One run of the tool.

    Attributes:
        latency: the `Latency`; only the newer TensorFlow Lite prints p50 and p95, none p90.
        cold_start: the `ColdStart`; its peak is the tool's approximate overall footprint, 0 where
            it prints none.
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
    found = _litert(text, threads) if "Inference (avg):" in text and " runs)" in text else None
    found = found or _tensorflow_lite(text, threads)
    if found is None:
        last = (text.strip().splitlines() or ["nothing"])[-1]
        raise DeployError(f"benchmark_model printed no timing; its last line was: {last[:200]}")
    return found


def _tensorflow_lite(text, threads):
    """Microseconds; of several `count=` lines the last is the measured one, before it is warm-up."""
    counts = [line for line in text.splitlines() if re.search(r"\bcount=\d+ .*\bavg=", line)]
    summary = re.search(
        rf"Inference timings in us: Init: {_NUMBER}, First inference: {_NUMBER}, "
        rf"Warmup \(avg\): {_NUMBER}, Inference \(avg\): {_NUMBER}",
        text,
    )
    if not counts or summary is None:
        return None
    values = dict(re.findall(rf"(\w+)={_NUMBER}", counts[-1]))
    init, first = float(summary[1]), float(summary[2])
    footprint = re.search(rf"Memory footprint delta.*overall={_NUMBER}", text) or re.search(
        rf"Peak memory footprint \(MB\).*overall={_NUMBER}", text
    )
    return DeviceTiming(
        Latency(
            threads,
            int(values["count"]),
            float(values["avg"]) / 1000,
            _milliseconds(values.get("median")),
            None,
            _milliseconds(values.get("p95")),
        ),
        ColdStart(init / 1000, first / 1000, _bytes(footprint)),
    )


def _litert(text, threads):
    """Milliseconds."""
    init = re.search(rf"Model initialization:\s+{_NUMBER} ms", text)
    first = re.search(rf"Warmup \(first\):\s+{_NUMBER} ms", text)
    average = re.search(rf"Inference \(avg\):\s+{_NUMBER} ms \((\d+) runs\)", text)
    if not (init and average):
        return None
    footprint = re.search(rf"Overall footprint:\s+{_NUMBER} MB", text)
    return DeviceTiming(
        Latency(threads, int(average[2]), float(average[1]), None, None, None),
        ColdStart(float(init[1]), float(first[1] if first else "nan"), _bytes(footprint)),
    )


def _milliseconds(microseconds):
    return None if microseconds is None else float(microseconds) / 1000


def _bytes(match):
    return int(float(match[1]) * _BYTES_PER_MB) if match else 0
