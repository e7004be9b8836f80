"""Latency of TFLite files on this machine's CPU, one image at a time.

Files that are compared are timed interleaved, in short rounds. A machine's clock rate, temperature and
other work change within seconds; in this way such changes affect all files alike.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping

import numpy as np

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier

_NANOSECONDS_PER_MS = 1e6
_IMAGE_SEED = 0
ROUNDS = 10
WARMUP = 20


@dataclasses.dataclass(frozen=True)
class Latency:
    """Time of one inference at batch size 1.

    Attributes:
        threads: CPU threads of the interpreter.
        runs: number of timed inferences, without warm-up.
        mean_ms: mean, in milliseconds.
        p50_ms: median; None if a device's tool does not print it.
        p90_ms: 90th percentile, likewise.
        p95_ms: 95th percentile, likewise.
    """

    threads: int
    runs: int
    mean_ms: float
    p50_ms: float | None
    p90_ms: float | None
    p95_ms: float | None


@dataclasses.dataclass(frozen=True)
class Timing:
    """The times of one of several files that were timed interleaved.

    Attributes:
        latency: that of all its inferences.
        round_medians_ms: its median in each round.
    """

    latency: Latency
    round_medians_ms: tuple[float, ...]

    @property
    def undisturbed_ms(self) -> float:
        """The lower quartile of the rounds' medians: other work on a machine can only add time."""
        return float(np.percentile(self.round_medians_ms, 25))

    def ratio_to(self, other: "Timing") -> tuple[float, float, float]:
        """Compares with another file, round by round: median, first and third quartile of ratios."""
        ratios = np.array(self.round_medians_ms) / np.array(other.round_medians_ms)
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        return float(middle), float(low), float(high)


def measure_latency(
    tflite_bytes: bytes, threads: int = 1, runs: int = 200, warmup: int = WARMUP
) -> Latency:
    """Measures the interpreter's invoke alone, without copying the image in and the logits out.

    Args:
        tflite_bytes: the file's content.
        threads: CPU threads, 1 or more.
        runs: inferences to time, 1 or more.
        warmup: inferences before them, 0 or more; the first ones allocate memory and fill caches.

    Raises:
        DeployError: a number is out of range, or the file is not a TFLite classifier.
    """
    files = {"": tflite_bytes}
    return measure_interleaved(files, threads, runs, rounds=1, warmup=warmup)[""].latency


def measure_interleaved(
    files: Mapping[str, bytes],
    threads: int = 1,
    runs: int = 200,
    rounds: int = ROUNDS,
    warmup: int = WARMUP,
    on_round: Callable[[int, int], object] | None = None,
) -> dict[str, Timing]:
    """Times several files interleaved, each as `measure_latency` does.

    Args:
        files: {name: content of a TFLite file}, at least one.
        threads: CPU threads, 1 or more.
        runs: inferences to time per file, 1 or more.
        rounds: the rounds that they are divided into, 1 or more; there are at most `runs`.
        warmup: inferences before the first round, 0 or more.
        on_round: called as on_round(done, total) after each round.

    Raises:
        DeployError: a number is out of range, or a file is not a TFLite classifier.
    """
    for name, value, least in (("runs", runs, 1), ("rounds", rounds, 1), ("warmup", warmup, 0)):
        if value < least:
            raise DeployError(f"{name} must be {least} or more, got {value}.")
    ready = {name: _ready(content, threads, warmup) for name, content in files.items()}
    rounds = min(rounds, runs)
    measured: dict[str, list[np.ndarray]] = {name: [] for name in files}
    names = list(files)
    for number in range(rounds):
        count = (number + 1) * runs // rounds - number * runs // rounds
        # Each round starts with another file, so that no file always follows the same one.
        first = number % len(names)
        for name in names[first:] + names[:first]:
            measured[name].append(_milliseconds(ready[name], count))
        if on_round is not None:
            on_round(number + 1, rounds)
    return {
        name: Timing(
            _latency(threads, np.concatenate(times)),
            tuple(float(np.median(one_round)) for one_round in times),
        )
        for name, times in measured.items()
    }


def _ready(content: bytes, threads: int, warmup: int) -> TFLiteClassifier:
    classifier = TFLiteClassifier(content, threads)
    # Always the same image, because the time of some operators depends on the values.
    pixels = np.random.default_rng(_IMAGE_SEED)
    classifier.set_image(pixels.random(classifier.input_shape, np.float32))
    for _ in range(warmup):
        classifier.invoke()
    return classifier


def _milliseconds(classifier: TFLiteClassifier, runs: int) -> np.ndarray:
    nanoseconds: np.ndarray = np.empty(runs, np.int64)
    for run in range(runs):
        start = time.perf_counter_ns()
        classifier.invoke()
        nanoseconds[run] = time.perf_counter_ns() - start
    return nanoseconds / _NANOSECONDS_PER_MS


def _latency(threads: int, milliseconds: np.ndarray) -> Latency:
    p50_ms, p90_ms, p95_ms = (float(value) for value in np.percentile(milliseconds, [50, 90, 95]))
    return Latency(threads, len(milliseconds), float(milliseconds.mean()), p50_ms, p90_ms, p95_ms)
