"""The 95% confidence interval of an accuracy: Wilson's score interval (Wilson, 1927)."""

from rnascl_tf.robustness.threat_model import RobustnessError


def check_counts(successes: int, trials: int) -> None:
    """Raises RobustnessError for counts that cannot be a proportion."""
    if trials < 1 or not 0 <= successes <= trials:
        raise RobustnessError(
            f"{successes} successes of {trials} trials is not a proportion; "
            "give at least one trial and 0 <= successes <= trials."
        )


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Returns the score interval of a proportion.

    It keeps its coverage near 0 and 1, where robust accuracies of weak models lie and where the
    usual normal interval collapses to a point.

    Args:
        successes: how many of the trials succeeded, from 0 to `trials`.
        trials: number of trials, at least 1.
        confidence: coverage of the two-sided interval, between 0 and 1.

    Returns:
        (low, high) in [0, 1].

    Raises:
        RobustnessError: counts that cannot be a proportion.
    """
    check_counts(successes, trials)
    from scipy import stats  # its import takes half a second, and reading records needs no interval

    interval = stats.binomtest(int(successes), int(trials)).proportion_ci(
        confidence_level=confidence, method="wilson"
    )
    return float(interval.low), float(interval.high)
