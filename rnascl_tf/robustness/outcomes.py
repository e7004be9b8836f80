"""What is known about each image, kept in a file from which a killed evaluation continues.

The file is an `.npz` without pickled objects. "attacks" are the attacks' names in order. "broken_by" is
for each image the number of the first attack that broke it (0, clean: misclassified as it is; -1: it
stands). Per attack, "NAME:standing" says which images stand, "NAME:margin" the smallest margin seen
(z_y - max_{j != y} z_j; 0 or less: broken), and the rest how far the attack has come.
A file belongs to one model, data set, threat model and seed, and is refused for any other.
"""

import dataclasses
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnascl_tf.files import ArrayFileError, read_arrays, why_unwritable, write_arrays
from rnascl_tf.robustness.threat_model import RobustnessError

FORMAT = 1
SECONDS_BETWEEN_SAVES = 5.0


@dataclasses.dataclass
class AttackOutcome:
    """Where one attack stands.

    Attributes:
        definition: what the attack is, compared before a stored outcome is used.
        standing: bool [n], classified correctly so far.
        margin: float32 [n], the smallest margin seen, infinite where not attacked.
        standing_before: bool [n], `standing` as the current round began.
        round: the current round; all before it are finished.
        done: how many images of the current round are finished.
        finished: whether all rounds are.
        seconds: time spent so far.
    """

    definition: str
    standing: np.ndarray
    margin: np.ndarray
    standing_before: np.ndarray
    round: int = 0
    done: int = 0
    finished: bool = False
    seconds: float = 0.0

    @classmethod
    def beginning(cls, definition: str, standing: np.ndarray) -> "AttackOutcome":
        """Returns the outcome of an attack that has not begun; standing is bool [n]."""
        margin = np.full(len(standing), np.inf, np.float32)
        return cls(definition, standing.copy(), margin, standing.copy())


class Outcomes:
    """The outcomes of all attacks on one set of images, by name.

    Args:
        path: the file, which may exist already; None keeps nothing.
        identity: {what: text}, all that the numbers depend on besides the attack itself.

    Raises:
        RobustnessError: the file is damaged or of another evaluation, and stays as it is; or its
            folder is not writable.
    """

    def __init__(self, path: str | Path | None, identity: Mapping[str, str]) -> None:
        self._path = Path(path) if path is not None else None
        self._identity = identity
        self._attacks: dict[str, AttackOutcome] = {}
        self._saved_at = time.monotonic()
        reason = None if self._path is None else why_unwritable(self._path.parent)
        if reason is not None:
            raise RobustnessError(f"the state {self._path} cannot be kept: {reason}; give another.")
        if self._path is not None and self._path.exists():
            self._attacks = _read(self._path, identity)

    def of(self, name: str, definition: str, standing: np.ndarray) -> AttackOutcome:
        """Returns the outcome of one attack, begun now unless the file holds it.

        Args:
            name: of the attack, within this evaluation.
            definition: text that is equal for equal attacks.
            standing: bool [n], the images that it starts with.

        Raises:
            RobustnessError: the file holds another attack under that name.
        """
        self.check(name, definition)
        if name not in self._attacks:
            self._attacks[name] = AttackOutcome.beginning(definition, standing)
        return self._attacks[name]

    def check(self, name: str, definition: str) -> None:
        """Raises RobustnessError if another attack is held under that name; see `of`."""
        known = self._attacks.get(name)
        if known is not None and known.definition != definition:
            raise RobustnessError(
                f"{self._path} holds {name} as {known.definition}, this is {definition}; "
                "give another file, or delete it."
            )

    def __getitem__(self, name: str) -> AttackOutcome:
        """Returns the outcome of an attack that has begun."""
        return self._attacks[name]

    def save(self, *, now: bool = True) -> None:
        """Writes the file; unless `now`, only if it was last written a while ago."""
        if self._path is None:
            return
        if not now and time.monotonic() - self._saved_at < SECONDS_BETWEEN_SAVES:
            return
        arrays = {"identity": np.array(json.dumps({"format": FORMAT, **self._identity}))}
        arrays["attacks"] = np.array(list(self._attacks))
        arrays["broken_by"] = self._broken_by()
        for name, outcome in self._attacks.items():
            for field in dataclasses.fields(AttackOutcome):
                arrays[f"{name}:{field.name}"] = np.asarray(getattr(outcome, field.name))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(self._path, arrays)
        self._saved_at = time.monotonic()

    def _broken_by(self) -> np.ndarray:
        """For each image the first attack in the file that broke it, -1 where it stands."""
        broken_by = np.full(0, -1, np.int16)
        for number, outcome in enumerate(self._attacks.values()):
            if not number:
                broken_by = np.full(len(outcome.standing), -1, np.int16)
            broken = ~outcome.standing & (outcome.margin <= 0.0)
            broken_by[broken & (broken_by < 0)] = number
        return broken_by


def _read(path: Path, identity: Mapping[str, str]) -> dict[str, AttackOutcome]:
    try:
        stored = read_arrays(path)
        known = json.loads(str(stored["identity"]))
        version = known.pop("format", None)
        if version != FORMAT:
            raise RobustnessError(
                f"{path} has format {version}, this program reads {FORMAT}; delete the file."
            )
        _check_identity(path, known, identity)
        names = [str(name) for name in stored["attacks"]]
        return {
            name: AttackOutcome(
                **{
                    field.name: _value(stored[f"{name}:{field.name}"])
                    for field in dataclasses.fields(AttackOutcome)
                }
            )
            for name in names
        }
    except RobustnessError:
        raise
    except (ArrayFileError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RobustnessError(
            f"{path} is not the state of an evaluation, or is damaged; delete it to start again. "
            f"({type(error).__name__})"
        ) from None


def _value(array: np.ndarray) -> Any:
    return array if array.ndim else array.item()


def _check_identity(path: Path, known: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    differences = [
        f"{what} {known.get(what)} there, {value} here"
        for what, value in wanted.items()
        if known.get(what) != value
    ]
    if differences:
        raise RobustnessError(
            f"{path} is the state of another evaluation: {'; '.join(differences)}. Give another "
            "place, or --overwrite it."
        )
