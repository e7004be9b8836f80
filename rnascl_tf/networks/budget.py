"""The student to take from a finished search under a budget of multiply-adds, or of milliseconds.

The search decides each block by itself (paper, section 3: the filter of largest probability). Under a
budget the blocks must be decided together: the student of largest joint probability among those whose
cost is near the target. Costs add up over neighbouring blocks (`macs_table`, `LatencyTable.tables`), so
this is a shortest path with one side constraint, which is solved exactly as an integer programme.
"""

import dataclasses

import numpy as np
import scipy.optimize
import scipy.sparse

from rnascl_tf.errors import UserError
from rnascl_tf.networks.cost import macs_table, total_macs

TOLERANCE = 0.03
"""How far a student's cost may be from the target, as a part of it."""

_SCALE = 1000.0
_MARGIN = 1e-6
"""The solver keeps a constraint to 1e-6 and not exactly. Costs are given to it in thousandths of the
target, and the window is narrowed by a millionth, so that what it accepts is inside."""

_INFEASIBLE = 2
"""scipy.optimize.milp's status for a problem without a solution."""


class TargetError(UserError):
    """A target that no student of the space comes near; the message gives the reachable range."""


@dataclasses.dataclass(frozen=True)
class Decoded:
    """What a search decided under a budget.

    Attributes:
        filters: output filters of every block, a list for each stage.
        cost: multiply-adds for one image (a whole number), or milliseconds.
        log_probability: sum over blocks of log p(filters).
        unconstrained_filters: of the most probable student of any cost.
        unconstrained_cost: what that one costs.
        log_probability_given_up: what the budget cost, 0 where it changed nothing.
    """

    filters: list[list[int]]
    cost: float
    log_probability: float
    unconstrained_filters: list[list[int]]
    unconstrained_cost: float
    log_probability_given_up: float


def macs_range(space, num_classes, input_shape):
    """Returns the multiply-adds of the narrowest and of the widest student, two integers.

    Cost grows with every width, so no student lies outside.
    """
    return tuple(
        total_macs(space, [width for stage in filters for width in stage], num_classes, input_shape)
        for filters in (space.narrowest, space.widest)
    )


def check_target(space, num_classes, input_shape, target_macs):
    """Refuses a target outside of what the space can reach.

    Raises:
        TargetError: `target_macs` is below the narrowest or above the widest student.
    """
    narrowest, widest = macs_range(space, num_classes, input_shape)
    if not narrowest <= target_macs <= widest:
        raise TargetError(
            f"a target of {target_macs:,} MACs is out of reach: students of space {space.name} have "
            f"{narrowest:,} to {widest:,} on images of {tuple(input_shape)}; give a target in that "
            "range, or another space."
        )


def latency_range(table):
    """Returns the milliseconds of the fastest and of the slowest student of a `LatencyTable`."""
    fastest = slowest = np.zeros(1)
    for part in table.tables():
        fastest = (fastest[:, None] + part).min(axis=0)
        slowest = (slowest[:, None] + part).max(axis=0)
    return float(fastest.min()), float(slowest.max())


def check_target_ms(table, target_ms):
    """Refuses a target outside of what the table's students reach.

    Raises:
        TargetError: `target_ms` is below the fastest or above the slowest student.
    """
    fastest, slowest = latency_range(table)
    if not fastest <= target_ms <= slowest:
        raise TargetError(
            f"a target of {target_ms:g} ms is out of reach: students of space {table.space} take "
            f"{fastest:.4g} to {slowest:.4g} ms by the latency table; give a target in that range, or "
            "another space, kind or activation."
        )


def decode(
    space, filter_log_probabilities, num_classes, input_shape, target_macs, tolerance=TOLERANCE
):
    """Returns the most probable student near a target cost.

    Args:
        space: a `SearchSpace`.
        filter_log_probabilities: log p of every block's choices, finite arrays [choices] in block
            order (`filter_log_probabilities` of a supernet).
        num_classes: number of classes.
        input_shape: (height, width, 3).
        target_macs: wanted multiply-adds for one image.
        tolerance: largest |macs / target - 1|.

    Returns:
        A `Decoded`. Where no student is within the tolerance (spaces with few students have gaps),
        the one of nearest cost.

    Raises:
        TargetError: the target is out of the space's range.
        ValueError: the probabilities are not the space's.
    """
    check_target(space, num_classes, input_shape, target_macs)
    tables = macs_table(space, num_classes, input_shape)
    return _decoded(space, filter_log_probabilities, tables, target_macs, tolerance)


def decode_latency(space, filter_log_probabilities, table, target_ms, tolerance=TOLERANCE):
    """Returns the most probable student near a target time, as `decode` does for multiply-adds.

    Args:
        space: the `SearchSpace`.
        filter_log_probabilities: as for `decode`.
        table: a `LatencyTable` of the space.
        target_ms: wanted milliseconds, as the table predicts them.
        tolerance: largest |ms / target - 1|.

    Raises:
        TargetError: the target is out of the table's range.
        ValueError: the probabilities are not the space's.
    """
    check_target_ms(table, target_ms)
    return _decoded(space, filter_log_probabilities, table.tables(), target_ms, tolerance)


def _decoded(space, filter_log_probabilities, tables, target, tolerance):
    blocks = space.blocks(space.widest)
    scores = [np.asarray(row, "float64") for row in filter_log_probabilities]
    wanted = [(len(block.choices),) for block in blocks]
    if [row.shape for row in scores] != wanted or not all(np.isfinite(row).all() for row in scores):
        raise ValueError(
            f"space {space.name} needs finite log-probabilities of shapes {wanted}, got "
            f"{[row.shape for row in scores]}."
        )
    plain = [int(row.argmax()) for row in scores]
    chosen = plain
    if abs(_cost(tables, plain) - target) > tolerance * target:
        chain = _Chain(tables, target)
        chosen = chain.most_probable(scores, tolerance)
        if chosen is None:
            chosen = chain.nearest()
    return Decoded(
        filters=_filters(space, blocks, chosen),
        cost=_cost(tables, chosen),
        log_probability=_score(scores, chosen),
        unconstrained_filters=_filters(space, blocks, plain),
        unconstrained_cost=_cost(tables, plain),
        log_probability_given_up=_score(scores, plain) - _score(scores, chosen),
    )


class _Chain:
    """Paths through the choices of all blocks, with a 0/1 variable for each pair of neighbours.

    Args:
        tables: what each pair costs, as from `macs_table`.
        target: cost from which a path's deviation is measured.
    """

    def __init__(self, tables, target):
        self._shapes = [table.shape for table in tables]
        # Every path takes one pair of each block, so that the shares of the target add up to it.
        self._deviation = np.concatenate(
            [_SCALE * (table.ravel() / target - 1 / len(tables)) for table in tables]
        )
        self._path = self._conservation()

    def most_probable(self, scores, tolerance):
        """Returns the choices of largest total score within the tolerance, or None."""
        gains = [
            np.broadcast_to(row, shape).ravel()
            for row, shape in zip(scores, self._shapes, strict=True)
        ]
        limit = _SCALE * (tolerance - _MARGIN)
        return self._solve(-np.concatenate(gains), [(self._deviation, -limit, limit)])

    def nearest(self):
        """Returns the choices whose cost is nearest to the target."""
        # One more variable, the distance, which is no less than the deviation on either side.
        objective = np.append(np.zeros_like(self._deviation), 1.0)
        above = (np.append(self._deviation, -1.0), -np.inf, 0.0)
        below = (np.append(self._deviation, 1.0), 0.0, np.inf)
        return self._solve(objective, [above, below])

    def _conservation(self):
        """One pair of the first block is taken; every later choice is left as often as entered."""
        blocks = range(len(self._shapes))
        grid = [[None for _ in blocks] for _ in blocks]
        for block, (before, choices) in enumerate(self._shapes):
            grid[block][block] = scipy.sparse.kron(np.eye(before), np.ones((1, choices)))
            if block + 1 < len(self._shapes):
                grid[block + 1][block] = -scipy.sparse.kron(np.ones((1, before)), np.eye(choices))
        matrix = scipy.sparse.block_array(grid, format="csr")
        entered = np.zeros(matrix.shape[0])
        entered[0] = 1.0
        return matrix, entered

    def _solve(self, objective, rows):
        """Minimises over paths, and a free variable if the objective has one more entry."""
        pairs = self._deviation.size
        matrix, entered = self._path
        free = objective.size - pairs
        matrix = scipy.sparse.hstack([matrix, scipy.sparse.csr_array((matrix.shape[0], free))])
        result = scipy.optimize.milp(
            objective,
            integrality=np.arange(objective.size) < pairs,
            bounds=scipy.optimize.Bounds(
                0.0, np.where(np.arange(objective.size) < pairs, 1, np.inf)
            ),
            constraints=[
                scipy.optimize.LinearConstraint(matrix, entered, entered),
                *(scipy.optimize.LinearConstraint(*row) for row in rows),
            ],
            options={"mip_rel_gap": 0.0},
        )
        if result.status == _INFEASIBLE:
            return None
        if result.x is None or not result.success:
            raise RuntimeError(f"the integer programme was not solved: {result.message}")
        return self._choices(result.x[:pairs])

    def _choices(self, values):
        starts = np.cumsum([before * choices for before, choices in self._shapes])[:-1]
        return [
            int(part.argmax()) % choices
            for part, (_, choices) in zip(np.split(values, starts), self._shapes, strict=True)
        ]


def _cost(tables, chosen):
    before = [0, *chosen[:-1]]
    # .item() keeps multiply-adds whole numbers.
    return sum(t[i, j] for t, i, j in zip(tables, before, chosen, strict=True)).item()


def _score(scores, chosen):
    return float(sum(row[index] for row, index in zip(scores, chosen, strict=True)))


def _filters(space, blocks, chosen):
    return space.nested(block.choices[index] for block, index in zip(blocks, chosen, strict=True))
