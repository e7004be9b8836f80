"""Choices along a chain of blocks, of largest score within a window of cost.

Costs add up over neighbouring blocks, so the problem is a shortest path with one side constraint. It is
solved exactly, as an integer programme with a 0/1 variable for each pair of neighbours.
"""

from collections.abc import Sequence

import numpy as np
import scipy.optimize
import scipy.sparse

_SCALE = 1000.0
_MARGIN = 1e-6
"""The solver keeps a constraint to 1e-6, not exactly. Costs are given to it in thousandths of the
target, and the window is narrowed by a millionth, so that what it accepts is inside."""

_INFEASIBLE = 2
"""scipy.optimize.milp's status for a problem without a solution."""


class ChainDecoder:
    """Searches the paths through the choices of all blocks.

    Args:
        tables: what each pair costs, [choices of the block before, choices] for each block.
        target: wanted cost of a path, above 0.
    """

    def __init__(self, tables: Sequence[np.ndarray], target: float) -> None:
        self._shapes = [table.shape for table in tables]
        # Every path takes one pair of each block, so that the shares of the target add up to it.
        self._excess = np.concatenate(
            [_SCALE * (table.ravel() / target - 1 / len(tables)) for table in tables]
        )
        self._path = self._conservation()

    def most_probable(self, scores: Sequence[np.ndarray], tolerance: float) -> list[int] | None:
        """Returns the choices of largest total score within the tolerance, or None.

        Args:
            scores: of the choices, float64 [choices] for each block.
            tolerance: largest |cost / target - 1|.
        """
        gains = [
            np.broadcast_to(row, shape).ravel()
            for row, shape in zip(scores, self._shapes, strict=True)
        ]
        limit = _SCALE * (tolerance - _MARGIN)
        return self._solve(-np.concatenate(gains), [(self._excess, -limit, limit)])

    def nearest(self) -> list[int]:
        """Returns the choices whose cost is nearest to the target."""
        # One more variable, the distance, which is no less than the excess on either side.
        objective = np.append(np.zeros_like(self._excess), 1.0)
        above = (np.append(self._excess, -1.0), -np.inf, 0.0)
        below = (np.append(self._excess, 1.0), 0.0, np.inf)
        chosen = self._solve(objective, [above, below])
        if chosen is None:
            raise RuntimeError("the integer programme has no path")
        return chosen

    def _conservation(self) -> tuple[scipy.sparse.csr_array, np.ndarray]:
        """One pair of the first block is taken; every later choice is left as often as entered."""
        blocks = range(len(self._shapes))
        grid: list[list] = [[None for _ in blocks] for _ in blocks]
        for block, (before, choices) in enumerate(self._shapes):
            grid[block][block] = scipy.sparse.kron(np.eye(before), np.ones((1, choices)))
            if block + 1 < len(self._shapes):
                grid[block + 1][block] = -scipy.sparse.kron(np.ones((1, before)), np.eye(choices))
        matrix = scipy.sparse.block_array(grid, format="csr")
        entered = np.zeros(matrix.shape[0])
        entered[0] = 1.0
        return matrix, entered

    def _solve(
        self, objective: np.ndarray, rows: Sequence[tuple[np.ndarray, float, float]]
    ) -> list[int] | None:
        """Minimises over paths, and a free variable if the objective has one more entry."""
        pairs = self._excess.size
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

    def _choices(self, values: np.ndarray) -> list[int]:
        starts = np.cumsum([before * choices for before, choices in self._shapes])[:-1]
        return [
            int(part.argmax()) % choices
            for part, (_, choices) in zip(np.split(values, starts), self._shapes, strict=True)
        ]
