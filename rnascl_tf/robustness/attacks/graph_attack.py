"""What attacks share that run as one compiled graph."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar, TypeAlias

import numpy as np
import tensorflow as tf

from rnascl_tf.robustness.attacks.attack import Attack
from rnascl_tf.robustness.logits_function import BlackBoxFunction, LogitsFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

Logits: TypeAlias = Callable[[tf.Tensor], tf.Tensor]
"""Images -> logits, inside a graph."""


@dataclasses.dataclass(frozen=True)
class GraphAttack(Attack):
    """An attack whose computation is one graph.

    It also inherits from the graph: a frozen dataclass of all that decides the computation, which is
    called as (logits, ball, labels, *arguments) -> images; see `LogitsFunction.attack`. Attacks that
    differ in other fields only (name, restarts, targets) share a compiled graph.

    Attributes:
        graph_class: that dataclass.
    """

    graph_class: ClassVar[type]

    def graph(self) -> Callable[..., tf.Tensor]:
        """Returns the graph alone, which is equal for attacks that compute the same."""
        fields = dataclasses.fields(self.graph_class)
        graph: Callable[..., tf.Tensor] = self.graph_class(
            **{field.name: getattr(self, field.name) for field in fields}
        )
        return graph

    def run_graph(
        self,
        logits: LogitsFunction | BlackBoxFunction,
        threat_model: ThreatModel,
        images: np.ndarray,
        labels: np.ndarray,
        *arguments: np.ndarray | tf.Tensor,
    ) -> np.ndarray:
        """Runs the graph on one batch; see `LogitsFunction.attack`.

        Raises:
            RobustnessError: the model has no gradients.
        """
        if isinstance(logits, BlackBoxFunction):
            raise RobustnessError(f"{self.name} needs gradients, and this model has none.")
        return logits.attack(self.graph(), threat_model, images, labels, *arguments)
