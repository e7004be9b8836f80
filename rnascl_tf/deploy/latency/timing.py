"""Latency of TFLite files on this machine's CPU, one image at a time.

Files that are compared are measured in turns, because a machine's clock, temperature and other work
change within seconds: what hits one file then hits all.
"""

import dataclasses
import time

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
        runs: measured inferences, warm-up excluded.
        mean_ms: mean, milliseconds.
        p50_ms: median; None where a device's tool does not tell.
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
    """One of several files measured in turns.

    Attributes:
        latency: the `Latency` of all its inferences.
        round_medians_ms: its median in each round, in the order of the rounds.
    """

    latency: Latency
    round_medians_ms: tuple[float, ...]

    @property
    def undisturbed_ms(self):
        """Lower quartile of the rounds' medians: other work on a machine only ever adds time."""
        return float(np.percentile(self.round_medians_ms, 25))

    def ratio_to(self, other):
        """Returns (median, first quartile, third quartile) of the rounds' ratios to another's."""
        ratios = np.array(self.round_medians_ms) / np.array(other.round_medians_ms)
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        return float(middle), float(low), float(high)


def measure_latency(tflite_bytes, threads=1, runs=200, warmup=WARMUP):
    """Measures the interpreter's invoke alone, without copying the image in and the logits out.

    Args:
        tflite_bytes: the file's content.
        threads: CPU threads, 1 or more.
        runs: inferences to measure, 1 or more.
        warmup: inferences before them, 0 or more; the first ones allocate and fill the caches.

    Returns:
        A `Latency`.

    Raises:
        DeployError: a number is out of range, or the file is no TFLite classifier.
    """
    files = {"": tflite_bytes}
    return measure_interleaved(files, threads, runs, rounds=1, warmup=warmup)[""].latency


def measure_interleaved(files, threads=1, runs=200, rounds=ROUNDS, warmup=WARMUP, on_round=None):
    """Measures several files in turns, each as `measure_latency` does.

    Args:
        files: {name: content of a TFLite file}, at least one.
        threads: CPU threads, 1 or more.
        runs: inferences to measure of each, 1 or more.
        rounds: turns they are divided into, 1 or more; as many as `runs` at most are made.
        warmup: inferences before the first round, 0 or more.
        on_round: called as on_round(done, total) after each round, or None.

    Returns:
        {name: `Timing`}.

    Raises:
        DeployError: a number is out of range, or a file is no TFLite classifier.
    """
    for name, value, least in (("runs", runs, 1), ("rounds", rounds, 1), ("warmup", warmup, 0)):
        if value < least:
            raise DeployError(f"{name} must be {least} or more, got {value}.")
    ready = {name: _ready(content, threads, warmup) for name, content in files.items()}
    rounds = min(rounds, runs)
    measured = {name: [] for name in files}
    names = list(files)
    for number in range(rounds):
        count = (number + 1) * runs // rounds - number * runs // rounds
        # Another file begins each time, so that none is always behind the same other one.
        first = number % len(names)
        for name in names[first:] + names[:first]:
            measured[name].append(_milliseconds(ready[name], count))
        if on_round is not None:
            on_round(number + 1, rounds)
    return {
        name: Timing(
            _latency(threads, np.concatenate(turns)),
            tuple(float(np.median(turn)) for turn in turns),
        )
        for name, turns in measured.items()
    }


def _ready(content, threads, warmup):
    classifier = TFLiteClassifier(content, threads)
    # Always the same image: the time of some operators depends on the values.
    pixels = np.random.default_rng(_IMAGE_SEED)
    classifier.set_image(pixels.random(classifier.input_shape, np.float32))
    for _ in range(warmup):
        classifier.invoke()
    return classifier


def _milliseconds(classifier, runs):
    nanoseconds = np.empty(runs, np.int64)
    for run in range(runs):
        start = time.perf_counter_ns()
        classifier.invoke()
        nanoseconds[run] = time.perf_counter_ns() - start
    return nanoseconds / _NANOSECONDS_PER_MS


def _latency(threads, milliseconds):
    p50_ms, p90_ms, p95_ms = (float(value) for value in np.percentile(milliseconds, [50, 90, 95]))
    return Latency(threads, len(milliseconds), float(milliseconds.mean()), p50_ms, p90_ms, p95_ms)
