"""Latency of a TFLite file on this machine's CPU, one image at a time."""

import dataclasses
import time

import numpy as np

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier

_NANOSECONDS_PER_MS = 1e6
_IMAGE_SEED = 0


@dataclasses.dataclass(frozen=True)
class Latency:
    """Time of one inference at batch size 1.

    Attributes:
        threads: CPU threads of the interpreter.
        runs: measured inferences, warm-up excluded.
        mean_ms: mean, milliseconds.
        p50_ms: median.
        p90_ms: 90th percentile.
    """

    threads: int
    runs: int
    mean_ms: float
    p50_ms: float
    p90_ms: float


def measure_latency(tflite_bytes, threads=1, runs=200, warmup=20):
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
    if runs < 1:
        raise DeployError(f"runs must be 1 or more, got {runs}.")
    if warmup < 0:
        raise DeployError(f"warmup must be 0 or more, got {warmup}.")
    classifier = TFLiteClassifier(tflite_bytes, threads)
    # Always the same image: the time of some operators depends on the values.
    pixels = np.random.default_rng(_IMAGE_SEED)
    classifier.set_image(pixels.random(classifier.input_shape, np.float32))
    for _ in range(warmup):
        classifier.invoke()
    nanoseconds = np.empty(runs, np.int64)
    for run in range(runs):
        start = time.perf_counter_ns()
        classifier.invoke()
        nanoseconds[run] = time.perf_counter_ns() - start
    milliseconds = nanoseconds / _NANOSECONDS_PER_MS
    p50_ms, p90_ms = np.percentile(milliseconds, [50, 90])
    return Latency(threads, runs, float(milliseconds.mean()), float(p50_ms), float(p90_ms))
