"""Optimizers of section A.1: SGD with coupled L2 for weights, Adam for Gumbel parameters."""

from typing import Any

import keras
import tensorflow as tf
from ml_collections import ConfigDict


@keras.saving.register_keras_serializable(package="rnascl_tf")
class CoupledSGD(keras.optimizers.SGD):
    """SGD with momentum and L2 the way PyTorch does both, which the paper's numbers rest on.

    d = gradient + l2 * variable; buffer = momentum * buffer + d; variable -= learning_rate * buffer.

    Keras' own `SGD(weight_decay=)` is decoupled: it shrinks the variable outside of the momentum and
    is about 1 / (1 - momentum) times weaker. And where the learning rate drops, Keras' velocity
    still carries the old one, PyTorch's buffer does not.

    Args:
        learning_rate: above 0, or a schedule.
        momentum: in [0, 1).
        l2: coefficient of the coupled L2 term, added for every variable, batch norm and biases
            included, as PyTorch does.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        momentum: float = 0.9,
        l2: float = 0.0,
        name: str = "coupled_sgd",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, momentum=momentum, name=name, **kwargs)
        self.l2 = l2

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Applies one step to one variable."""
        learning_rate = keras.ops.cast(learning_rate, variable.dtype)
        step = keras.ops.cast(gradient, variable.dtype) + self.l2 * variable
        if self.momentum:
            buffer = self.momentums[self._get_variable_index(variable)]
            step = self.momentum * buffer + step
            self.assign(buffer, step)
        self.assign_sub(variable, learning_rate * step)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "l2": self.l2}


def weight_optimizer(settings: ConfigDict, steps_per_epoch: int) -> CoupledSGD:
    """Returns the optimizer of the weights for one stage.

    Args:
        settings: the stage's config section: `learning_rate`, `schedule`, `momentum`, `l2`, `epochs`.
        steps_per_epoch: number of optimizer steps in an epoch.
    """
    return CoupledSGD(
        learning_rate_schedule(settings, steps_per_epoch),
        momentum=settings.momentum,
        l2=settings.l2,
    )


def learning_rate_schedule(
    settings: ConfigDict, steps_per_epoch: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Returns the stage's learning rate as a function of the step.

    "step" multiplies by 0.1 at 75% and at 90% of the steps: the first steps of epochs 75 and 90
    (counted from 0) of A.1's 100, and within an epoch where a short run has no such epochs.
    "cosine" falls to 0 over all steps, without restarts or warm-up. "warmup_cosine" rises in a straight
    line from 1/25 of the rate to all of it over the first fifth of the steps, and then falls to 0.

    Raises:
        ValueError: the schedule is unknown.
    """
    steps = settings.epochs * steps_per_epoch
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, decay_steps=steps)
    if settings.schedule == "warmup_cosine":
        rising = steps // 5
        return keras.optimizers.schedules.CosineDecay(
            rate / 25 if rising else rate, steps - rising, warmup_target=rate, warmup_steps=rising
        )
    if settings.schedule != "step":
        raise ValueError(
            f"unknown schedule {settings.schedule!r}: give step, cosine or warmup_cosine."
        )
    # In integers: 0.9 * steps may lie above the whole number it stands for.
    drops = [-(-steps * percent // 100) for percent in (75, 90)]
    # Keras keeps the old value at the boundary step itself, and the drop is meant for it.
    return keras.optimizers.schedules.PiecewiseConstantDecay(
        [drop - 1 for drop in drops], [rate, rate * 0.1, rate * 0.01]
    )


def architecture_optimizer(learning_rate: float = 0.01) -> keras.optimizers.Adam:
    """Returns the optimizer of the Gumbel parameters: Adam, no L2 (docs/design.md, "The method")."""
    return keras.optimizers.Adam(learning_rate, name="architecture_adam")
