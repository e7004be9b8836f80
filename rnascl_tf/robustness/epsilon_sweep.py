"""Accuracy over a range of epsilons, for several models and attacks (Figures 3 and 4 of the paper).

Iterative attacks carry over: an image that they broke at a smaller epsilon counts as broken at every
larger one and is not attacked again, because the adversarial image lies in the larger ball too. So
their accuracy never rises with epsilon, is at most that of the same attack at that epsilon alone, and
most of the work at large epsilons is saved. FGSM does not carry over: its single step may fail at a
large epsilon where a smaller one succeeds, and its curve is meant to show that. Every row says how many
images were carried; `carry_over=False` attacks all images at each epsilon, with exactly the numbers of
`evaluate`.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from rnascl_tf.files import write_csv
from rnascl_tf.robustness.accuracy import Accuracy
from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.attack import Attack, Cascade
from rnascl_tf.robustness.attacks.registry import CLEAN, attack_named, known_attacks
from rnascl_tf.robustness.logits_function import AttackedModel
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel, parse_epsilon

EPSILONS = tuple(step / 100 for step in range(11))
"""0 to 0.1, the range of the paper's figures, which are L-inf."""

ATTACKS = ("fgsm", "pgd20")

Report: TypeAlias = Callable[[str, int, int], None]
"""(attack, done, total)."""


@dataclasses.dataclass(frozen=True)
class SweepRow:
    """One point of one curve.

    Attributes:
        model: its name.
        attack: name of the attack.
        epsilon: in the units of the threat model; 0 is clean accuracy.
        accuracy: of the images still correct.
        carried: how many images were broken at a smaller epsilon and not attacked again.
    """

    model: str
    attack: str
    epsilon: float
    accuracy: Accuracy
    carried: int

    def to_json(self) -> dict[str, Any]:
        """Returns the row's columns: the accuracy as a fraction, its interval's ends, and n."""
        low, high = self.accuracy.interval
        return {
            "model": self.model,
            "attack": self.attack,
            "epsilon": self.epsilon,
            "accuracy": self.accuracy.value,
            "low": low,
            "high": high,
            "n": self.accuracy.n,
            "carried": self.carried,
        }


@dataclasses.dataclass(frozen=True)
class Sweep:
    """All curves, of the same images.

    Attributes:
        rows: epsilons ascend within a model and attack.
        norm, space: of the threat model.
        seed: of the attacks.
    """

    rows: tuple[SweepRow, ...]
    norm: str
    space: str
    seed: int

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order given."""
        return list(dict.fromkeys(row.model for row in self.rows))

    @property
    def attacks(self) -> list[str]:
        """Names of the attacks, in the order given."""
        return list(dict.fromkeys(row.attack for row in self.rows))

    def curve(self, model: str, attack: str) -> list[SweepRow]:
        """Returns the rows of one model and attack."""
        return [row for row in self.rows if (row.model, row.attack) == (model, attack)]

    def to_json(self) -> list[dict[str, Any]]:
        """Returns a dictionary for each row, with norm, space and seed in each."""
        common = {"norm": self.norm, "space": self.space, "seed": self.seed}
        return [{**row.to_json(), **common} for row in self.rows]

    def write_csv(self, path: str | Path) -> None:
        """Writes `to_json` as CSV, all at once; floats so that they read back the same."""
        write_csv(path, self.to_json())


def default_epsilons(threat_model: ThreatModel) -> tuple[float, ...]:
    """Returns the epsilons of a figure: `EPSILONS` in L-inf, 0 to twice the threat model's in L2."""
    if threat_model.norm == "linf":
        return EPSILONS
    return tuple(dict.fromkeys(step / 5 * threat_model.epsilon for step in range(11)))


def sweep(
    models: Mapping[str, AttackedModel],
    images: np.ndarray,
    labels: np.ndarray,
    threat_model: ThreatModel,
    *,
    epsilons: Iterable[float | str] | None = None,
    attacks: Sequence[str] = ATTACKS,
    carry_over: bool = True,
    batch_size: int = 100,
    seed: int = 0,
    on_batch: Report | None = None,
    strategy: Any = None,
    state: Path | None = None,
    model_ids: Mapping[str, str] | None = None,
) -> Sweep:
    """Measures the accuracy of every model under every attack at every epsilon.

    Args:
        models: at least one, each as for `evaluate`.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: what the attacks may change; its epsilon is replaced.
        epsilons: numbers >= 0, or texts such as "8/255", each once; see `default_epsilons`.
        attacks: names as for `attack_named`, each once.
        carry_over: whether attacks of more than one step carry over, see above.
        batch_size: as for `Attacker`.
        seed: as for `Attacker`.
        on_batch: as for `Attacker`; the name that it is called with holds model and epsilon too:
            "student: pgd20 at 0.03".
        strategy: as for `Attacker`.
        state: path without suffix. The outcomes of each model at each epsilon are kept in a file whose
            name begins so, and a killed sweep continues from them; None keeps nothing.
        model_ids: {name: text that identifies the model}, needed with `state` for models that are
            not Keras', see `Attacker`.

    Returns:
        All curves.

    Raises:
        RobustnessError: what the guard refuses, no model, no epsilon, a repeated one, or "clean"
            among the attacks.
    """
    if not isinstance(models, dict) or not models:
        raise RobustnessError(f"models is {models!r}; pass at least one, as {{name: model}}.")
    values = _checked_epsilons(default_epsilons(threat_model) if epsilons is None else epsilons)
    chosen = [attack_named(name) for name in _checked_attacks(attacks)]
    threat_models = [dataclasses.replace(threat_model, epsilon=epsilon) for epsilon in values]

    def attacker_of(
        name: str, threat_model: ThreatModel, report: Report | None, kept: Path | None = None
    ) -> Attacker:
        return Attacker(
            models[name],
            images,
            labels,
            threat_model,
            batch_size=batch_size,
            seed=seed,
            on_batch=report,
            strategy=strategy,
            state=kept,
            model_id=(model_ids or {}).get(name),
        )

    for name in models:  # before the first of them is attacked for an hour
        attacker = attacker_of(name, threat_models[-1], None)
        for attack in chosen:
            attacker.check(attack)
    rows: list[SweepRow] = []
    for number, name in enumerate(models):
        curves: dict[str, list[SweepRow]] = {attack.name: [] for attack in chosen}
        standing: dict[str, np.ndarray | None] = {attack.name: None for attack in chosen}
        for at_epsilon in threat_models:
            attacker = attacker_of(
                name,
                at_epsilon,
                _labelled(on_batch, name, at_epsilon),
                # By number: a name may hold what no file's name can.
                state and state.with_name(f"{state.name}_{number}_{at_epsilon.epsilon:.6f}.npz"),
            )
            for attack in chosen:
                carries = carry_over and attack.steps > 1
                before = standing[attack.name] if carries else None
                after = _withstood(attacker, attack, before)
                standing[attack.name] = after
                curves[attack.name].append(
                    _row(name, attack, at_epsilon, after, attacker.clean(), before)
                )
        rows.extend(row for curve in curves.values() for row in curve)
    return Sweep(tuple(rows), threat_model.norm, threat_model.space, int(seed))


def _withstood(
    attacker: Attacker, attack: Attack | Cascade, before: np.ndarray | None
) -> np.ndarray:
    """Returns bool [n]; only images of `before` (all if None) are attacked."""
    if attacker.threat_model.epsilon == 0.0:
        return attacker.clean()
    return attacker.withstood(attack, before)


def _row(
    name: str,
    attack: Attack | Cascade,
    threat_model: ThreatModel,
    standing: np.ndarray,
    clean: np.ndarray,
    before: np.ndarray | None,
) -> SweepRow:
    return SweepRow(
        model=name,
        attack=attack.name,
        epsilon=threat_model.epsilon,
        accuracy=Accuracy.of(standing),
        carried=0 if before is None else int((clean & ~before).sum()),
    )


def _labelled(on_batch: Report | None, model_name: str, threat_model: ThreatModel) -> Report | None:
    if on_batch is None:
        return None

    def report(attack: str, done: int, total: int) -> None:
        on_batch(f"{model_name}: {attack} at {threat_model.epsilon:g}", done, total)

    return report


def _checked_epsilons(epsilons: Iterable[float | str]) -> list[float]:
    if isinstance(epsilons, str) or not np.iterable(epsilons):
        raise RobustnessError(f"epsilons is {epsilons!r}; pass a list of numbers, [0, 0.01].")
    values = sorted(parse_epsilon(epsilon) for epsilon in epsilons)
    if not values:
        raise RobustnessError("no epsilon is given; pass at least one, such as 0.01.")
    if len(set(values)) < len(values):
        raise RobustnessError(f"an epsilon is repeated: {epsilons!r}; give each once.")
    return values


def _checked_attacks(attacks: Sequence[str]) -> list[str]:
    names = known_attacks(attacks)
    if CLEAN in names:
        raise RobustnessError("clean is not an attack; epsilon 0 gives clean accuracy.")
    if len(set(names)) < len(names):
        raise RobustnessError(f"an attack is repeated: {names!r}; give each once.")
    return names
