"""One ratio of two times, measured in interleaved rounds in one process: median and quartiles."""

import dataclasses
import statistics
import time


@dataclasses.dataclass(frozen=True)
class Ratio:
    """One line of `benchmarks/latest.json`.

    Attributes:
        name: does not change.
        ratio: median over the rounds of time / baseline time.
        low: lower quartile of the rounds.
        high: upper quartile of the rounds.
        baseline: what was divided by, as text.
        target: what the ratio should be at most.
        rounds: number of rounds.
    """

    name: str
    ratio: float
    low: float
    high: float
    baseline: str
    target: float
    rounds: int


def measure(name, subject, baselines, *, baseline, target, rounds):
    """Returns the `Ratio` of a subject's time to the sum of its baselines' times.

    Args:
        name: of the benchmark.
        subject: function without arguments; returns when its work is done.
        baselines: such functions; each round times them all, between two subjects.
        baseline: what they are, as text.
        target: what the ratio should be at most.
        rounds: at least 4, after one that warms up.
    """
    ratios = []
    for number in range(rounds + 1):
        subject_seconds = seconds(subject)
        ratio = subject_seconds / sum(seconds(each) for each in baselines)
        if number:
            ratios.append(ratio)
    low, middle, high = statistics.quantiles(ratios, n=4)
    return Ratio(name, middle, low, high, baseline, target, rounds)


def once(name, ratio, *, baseline, target=1.0):
    """Returns the `Ratio` of something that is measured once: it takes minutes, or is not a time."""
    return Ratio(name, ratio, ratio, ratio, baseline, target, rounds=1)


def seconds(function):
    """Returns what a call of a function without arguments takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
