"""A verdict is suspicious when any check failed."""

import dataclasses
import json

from rnascl_tf.robustness.masking.verdict import Check, Verdict
from rnascl_tf.robustness.threat_model import ThreatModel

CHECK = Check(
    name="steps",
    question="more steps gain nothing",
    first=60.0,
    first_name="pgd20",
    second=55.0,
    second_name="pgd100",
    unit="%",
    wanted="the first higher by at most 1.5 points",
    passed=False,
    remedy="attack with more steps",
    count=200,
    discordant=(10, 0),
)


def test_one_failed_check_is_enough():
    passed = dataclasses.replace(CHECK, name="loss", passed=True, discordant=None)
    verdict = Verdict((passed, CHECK), ("transfer: no teacher was given",), ThreatModel(0.1))
    assert verdict.suspicious
    assert verdict.failed == ["steps"]
    assert not Verdict((passed,), (), ThreatModel(0.1)).suspicious
    record = json.loads(json.dumps(verdict.as_record()))
    assert [check["discordant"] for check in record["checks"]] == [None, [10, 0]]
    assert (record["suspicious"], record["failed"]) == (True, ["steps"])
    assert (record["epsilon"], record["norm"], record["space"]) == (0.1, "linf", "pixel")
