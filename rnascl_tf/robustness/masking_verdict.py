"""A masking verdict: its checks, each a question with two numbers, as text and as a record."""

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

    def line(self):
        """Returns the check as one line of text, with the remedy if it failed."""
        numbers = ", ".join(
            f"{name} {value:.1f}%" if self.unit == "%" else f"{name} {value:.3g} {self.unit}"
            for name, value in (
                (self.first_name, self.first),
                (self.second_name, self.second),
            )
        )
        text = f"{self.question}: {numbers} ({self.wanted}; n = {self.count}"
        if self.discordant:
            text += f", only one withstood: {self.discordant[0]} and {self.discordant[1]}"
        return f"{'pass' if self.passed else 'FAIL'}  {text}){self._advice()}"

    def _advice(self):
        return "" if self.passed else f". {self.remedy[0].upper()}{self.remedy[1:]}."


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

    def lines(self):
        """Returns the verdict as lines of text, the summary first."""
        summary = "no sign of masked gradients"
        if self.suspicious:
            summary = f"SUSPICIOUS, {len(self.failed)} of {len(self.checks)} checks failed"
        return [
            f"{summary} ({self.threat_model})",
            *(check.line() for check in self.checks),
            *(f"none  {reason}" for reason in self.left_out),
        ]
