"""A verdict as a table: every check with both numbers, what to do, and what was left out."""

import pytest

from rnascl_tf.report import finding, masking_table
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.robustness.masking.verdict import Check, Verdict


def check(name, passed, **changes):
    facts = {
        "question": f"{name} is as it should be",
        "first": 12.34,
        "first_name": "pgd20",
        "second": 1.5,
        "second_name": "pgd100",
        "unit": "%",
        "wanted": "the second 0",
        "remedy": f"repair {name}",
        "count": 50,
    }
    return Check(name=name, passed=passed, **(facts | changes))


@pytest.fixture
def verdict():
    checks = (
        check("steps", True, discordant=(7, 2)),
        check("loss", False, unit="nats", first=0.12345),
    )
    return Verdict(checks, ("transfer: no teacher",), ThreatModel(0.5, "l2")).as_record()


def test_both_numbers_and_what_to_do(verdict, lines_of):
    text = lines_of(masking_table(verdict, "student"), width=120)
    assert " ".join(text).startswith(
        "student, n = 50: gradients look MASKED, 1 of 2 checks failed (loss; l2 0.5"
    )
    assert "pass steps is as it should be pgd20 12.3% 7 / 2" in text
    assert "wanted: the second 0 pgd100 1.5%" in text
    assert "FAIL loss is as it should be pgd20 0.123 nats" in text
    assert "To do: repair loss." in text
    assert "To do: repair steps." not in text
    assert "Not checked: transfer: no teacher." in text


def test_finding_of_a_clean_verdict(verdict):
    verdict |= {"suspicious": False, "failed": []}
    assert finding(verdict) == "no sign of masked gradients in 2 checks (l2 0.5, pixel space)"
