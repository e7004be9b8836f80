"""What a student may cost, in multiply-adds or in milliseconds, and the student to take under it.

The search decides each block by itself (paper, section 3: the filter of largest probability). Under a
budget the blocks must be decided together: the student of largest joint probability among those whose
cost is near the target. Costs add up over neighbouring blocks, so `ChainDecoder` finds it exactly.
"""

import abc
import dataclasses
from collections.abc import Sequence

import numpy as np

from rnascl_tf.errors import UserError
from rnascl_tf.networks.chain_decoder import ChainDecoder
from rnascl_tf.networks.cost import macs_table
from rnascl_tf.networks.latency_table import LatencyTable
from rnascl_tf.networks.search_problem import SearchProblem

BUDGET_TOLERANCE = 0.03
"""How far a student's cost may be from the target, as a part of it."""


class TargetError(UserError):
    """A target that no student of the space comes near; the message gives the reachable range."""


@dataclasses.dataclass(frozen=True)
class Decoded:
    """What a search decided under a budget.

    Attributes:
        filters: output filters of every block, a list for each network stage.
        cost: multiply-adds for one image (a whole number), or milliseconds.
        log_probability: sum over blocks of log p(filters).
        unconstrained_filters: of the most probable student of any cost.
        unconstrained_cost: of that student.
        log_probability_given_up: by the budget, 0 where it changed nothing.
    """

    filters: list[list[int]]
    cost: float
    log_probability: float
    unconstrained_filters: list[list[int]]
    unconstrained_cost: float
    log_probability_given_up: float


class Budget(abc.ABC):
    """A cost that targets are set for.

    Args:
        problem: whose students.
        tables: what each block costs, [choices of the block before, choices] for each block.

    Attributes:
        problem: as above.
        unit: of costs and targets.
    """

    unit: str

    def __init__(self, problem: SearchProblem, tables: Sequence[np.ndarray]) -> None:
        self.problem = problem
        self._tables = tables

    @abc.abstractmethod
    def text(self, cost: float) -> str:
        """Returns a cost with its unit."""

    @property
    def range(self) -> tuple[float, float]:
        """The costs of the cheapest and of the most expensive student."""
        lowest = highest = np.zeros(1, self._tables[0].dtype)
        for table in self._tables:
            lowest = (lowest[:, None] + table).min(axis=0)
            highest = (highest[:, None] + table).max(axis=0)
        return lowest.min().item(), highest.max().item()

    def check(self, target: float) -> None:
        """Raises TargetError if a target is outside of what the students reach."""
        lowest, highest = self.range
        if not lowest <= target <= highest:
            raise TargetError(
                f"a target of {self.text(target)} is out of reach: students of space "
                f"{self.problem.space.name} cost {self.text(lowest)} to {self.text(highest)} on "
                f"images of {self.problem.input_shape}; give a target in that range, or another "
                "space."
            )

    def decode(
        self,
        filter_log_probabilities: Sequence[np.ndarray],
        target: float,
        tolerance: float = BUDGET_TOLERANCE,
    ) -> Decoded:
        """Returns the most probable student near a target.

        Args:
            filter_log_probabilities: log p of every block's choices, finite arrays [choices] in
                block order (`filter_log_probabilities` of a supernet).
            target: wanted cost.
            tolerance: largest |cost / target - 1|.

        Returns:
            Where no student is within the tolerance (spaces with few students have gaps), the one
            of nearest cost.

        Raises:
            TargetError: the target is out of range.
            ValueError: the probabilities are not the space's.
        """
        self.check(target)
        scores = self._checked(filter_log_probabilities)
        plain = [int(row.argmax()) for row in scores]
        chosen = plain
        if abs(self._cost(plain) - target) > tolerance * target:
            decoder = ChainDecoder(self._tables, target)
            chosen = decoder.most_probable(scores, tolerance) or decoder.nearest()
        return Decoded(
            filters=self._filters(chosen),
            cost=self._cost(chosen),
            log_probability=_score(scores, chosen),
            unconstrained_filters=self._filters(plain),
            unconstrained_cost=self._cost(plain),
            log_probability_given_up=_score(scores, plain) - _score(scores, chosen),
        )

    def _checked(self, log_probabilities: Sequence[np.ndarray]) -> list[np.ndarray]:
        space = self.problem.space
        scores = [np.asarray(row, "float64") for row in log_probabilities]
        wanted = [(len(block.choices),) for block in space.blocks(space.widest)]
        if [row.shape for row in scores] != wanted or not all(map(_is_finite, scores)):
            raise ValueError(
                f"space {space.name} needs finite log-probabilities of shapes {wanted}, got "
                f"{[row.shape for row in scores]}."
            )
        return scores

    def _cost(self, chosen: Sequence[int]) -> float:
        before = [0, *chosen[:-1]]
        costs = [t[i, j] for t, i, j in zip(self._tables, before, chosen, strict=True)]
        return sum(costs).item()  # multiply-adds stay whole numbers

    def _filters(self, chosen: Sequence[int]) -> list[list[int]]:
        space = self.problem.space
        blocks = space.blocks(space.widest)
        return space.nested(
            block.choices[index] for block, index in zip(blocks, chosen, strict=True)
        )


class MacsBudget(Budget):
    """Multiply-adds for one image, whole numbers."""

    unit = "MACs"

    def __init__(self, problem: SearchProblem) -> None:
        super().__init__(problem, macs_table(problem))

    def text(self, cost: float) -> str:
        """Returns "5,856,904 MACs"."""
        return f"{cost:,} {self.unit}"


class LatencyBudget(Budget):
    """Milliseconds for one image, as a `LatencyTable` predicts them."""

    unit = "ms"

    def __init__(self, table: LatencyTable) -> None:
        super().__init__(table.problem, table.tables())

    def text(self, cost: float) -> str:
        """Returns "0.1404 ms"."""
        return f"{cost:.4g} {self.unit}"


def _is_finite(row: np.ndarray) -> bool:
    return bool(np.isfinite(row).all())


def _score(scores: Sequence[np.ndarray], chosen: Sequence[int]) -> float:
    return float(sum(row[index] for row, index in zip(scores, chosen, strict=True)))
