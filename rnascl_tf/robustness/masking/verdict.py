"""A masking verdict: its checks, each a question with two numbers, and their record."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Check:
    """One question to a model, answered by two numbers.

    Attributes:
        name: how records call it.
        question: what must be true.
        first: a number in `unit`.
        first_name: what it is.
        second, second_name: what it is set against.
        unit: "%" or "nats".
        wanted: how the numbers must relate.
        passed: whether they do.
        remedy: what to do if not.
        count: images behind the numbers.
        discordant: (images that withstand only the first attack, only the second), None where no
            two attacks are compared.
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
        checks: tuple of `Check`.
        left_out: names of checks that could not be made, with the reason.
        threat_model: the `ThreatModel` of the robust accuracy in question.
    """

    checks: tuple[Check, ...]
    left_out: tuple[str, ...]
    threat_model: object

    @property
    def suspicious(self):
        """Whether any check failed: the robust accuracy is then not to be believed."""
        return not all(check.passed for check in self.checks)

    @property
    def failed(self):
        """Names of the checks that failed."""
        return [check.name for check in self.checks if not check.passed]

    def as_record(self):
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
