"""What every training here shares: steps on any number of replicas, logged means, one gradient."""

from collections.abc import Callable, Iterator, Sequence

import keras
import tensorflow as tf

from rnascl_tf.training.metrics import TermMeans
from rnascl_tf.training.moving_statistics import average_over_replicas, moving_statistics

Batch = dict[str, tf.Tensor]
"""A training batch: "image" float32 [n, height, width, 3], "label" int32 [n], "index" int64 [n]."""

Step = Callable[[Batch], dict[str, tf.Tensor]]


class TrainingModel(keras.Model):
    """A Keras model with a `train_step` of its own.

    Subclasses set `means` and call `descend` from their `train_step`.
    """

    means: TermMeans
    train_function: Callable | None
    test_function: Callable | None

    @property
    def weight_variables(self) -> list[keras.Variable]:
        """The variables that the optimizer changes."""
        raise NotImplementedError

    def compile(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Sets the optimizer, built on `weight_variables` so that no step creates a variable.

        The step is not compiled by XLA, which makes it about four times slower on a CPU
        (docs/design.md, "Measured on this stack"). Hard-swish of large features alone is, see
        `fast_hard_swish`.
        """
        super().compile(optimizer=optimizer, jit_compile=False)
        optimizer.build(self.weight_variables)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means, which `fit` resets every epoch."""
        return self.means.all

    @property
    def validation_seeds(self) -> list[keras.Variable]:
        """The states of the generators from which validation draws."""
        return []

    def descend(
        self,
        optimizer: keras.optimizers.Optimizer,
        variables: Sequence[keras.Variable],
        tape: tf.GradientTape,
        loss: tf.Tensor,
    ) -> None:
        """Applies one gradient step.

        Args:
            optimizer: built on `variables`.
            variables: those to change.
            tape: the one that saw the loss.
            loss: a float32 scalar, the mean over this replica's examples.
        """
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        # Keras' optimizers sum gradients over replicas; the loss is a mean over one of them.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        optimizer.apply([gradient / replicas for gradient in gradients], variables)

    def make_train_function(self, force: bool = False) -> Callable:
        """Returns the compiled step that `fit` calls with an iterator.

        Keras' own fails under MultiWorkerMirroredStrategy (docs/design.md, "Measured on this
        stack": it reduces scalars over an axis); this one is the same for every strategy.
        """
        if self.train_function is None or force:
            statistics = moving_statistics(self)

            def step(batch: Batch) -> dict[str, tf.Tensor]:
                logs = self.train_step(batch)
                average_over_replicas(statistics)
                return logs

            self.train_function = self._on_all_replicas(step)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Callable:
        """Returns the compiled validation step, as `make_train_function`."""
        if self.test_function is None or force:
            self.test_function = self._on_all_replicas(self.test_step)
        return self.test_function

    def _maybe_symbolic_build(
        self, iterator: Iterator[Batch] | None = None, data_batch: Batch | None = None
    ) -> None:
        """Does nothing: everything was built by the constructor and `compile`.

        Keras' own runs a step on placeholders, which fails under MultiWorkerMirroredStrategy.
        """

    def _on_all_replicas(self, step: Step) -> Callable:
        strategy = self.distribute_strategy

        @tf.function(reduce_retracing=True, autograph=False)
        def on_all(iterator: Iterator[Batch]) -> dict[str, tf.Tensor]:
            names = list(strategy.run(step, args=(next(iterator),)))
            # Read out here, where they are summed over the replicas: the mean of the replicas' own
            # means would be another number where one has seen fewer examples.
            metrics = {metric.name: metric for metric in self.metrics}
            return {name: metrics[name].result() for name in names}

        return on_all
