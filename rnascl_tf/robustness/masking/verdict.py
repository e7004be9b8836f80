"""A masking verdict: its checks, each a question with two numbers, and their record."""

import dataclasses
from typing import Any

from rnascl_tf.robustness.threat_model import ThreatModel


@dataclasses.dataclass(frozen=True)
class Check:
    """One question to a model, answered by two numbers.

    Attributes:
        name: its name in records.
        question: what must be true.
        first: a number in `unit`.
        first_name: what it is.
        second, second_name: the number that it is compared with.
        unit: "%" or "nats".
        wanted: how the numbers must relate.
        passed: whether they do.
        remedy: what to do if they do not.
        count: number of images that the numbers come from.
        discordant: images that withstand only the first attack, and only the second; None if the
            check does not compare two attacks.
    """

    name: str
    question: str
    first: float
    first_name: str
    second: float
    second_name: str
    unit: str
    wanted: str
    passed: bool
    remedy: str
    count: int
    discordant: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Verdict:
    """All checks of one model.

    Attributes:
        checks: those that could be run.
        left_out: names of the others, each with the reason.
        threat_model: that of the robust accuracy in question.
    """

    checks: tuple[Check, ...]
    left_out: tuple[str, ...]
    threat_model: ThreatModel

    @property
    def suspicious(self) -> bool:
        """Whether any check failed, so that the robust accuracy is doubtful."""
        return not all(check.passed for check in self.checks)

    @property
    def failed(self) -> list[str]:
        """Names of the checks that failed."""
        return [check.name for check in self.checks if not check.passed]

    def as_record(self) -> dict[str, Any]:
        """Returns the verdict ready for JSON."""
        return {
            "suspicious": self.suspicious,
            "failed": self.failed,
            "left_out": list(self.left_out),
            "epsilon": self.threat_model.epsilon,
            "norm": self.threat_model.norm,
            "space": self.threat_model.space,
            "checks": [
                {
                    **dataclasses.asdict(check),
                    "discordant": list(check.discordant) if check.discordant else None,
                }
                for check in self.checks
            ],
        }
