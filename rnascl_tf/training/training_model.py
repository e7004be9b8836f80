"""What every training here shares: logged means, and one correct way to apply a gradient."""

import keras
import tensorflow as tf


class TrainingModel(keras.Model):
    """A Keras model with a `train_step` of its own.

    Subclasses set `means`, a `TermMeans`, and call `descend` from their `train_step`.
    """

    def compile(self, optimizer):
        """Sets the optimizer, built on `weight_variables` so that no step creates a variable.

        XLA stays off: on a CPU it makes a training step about four times slower (DESIGN section 6).
        """
        super().compile(optimizer=optimizer, jit_compile=False)
        optimizer.build(self.weight_variables)

    @property
    def metrics(self):
        """The running means, which `fit` resets every epoch."""
        return self.means.all

    def descend(self, optimizer, variables, tape, loss):
        """Applies one gradient step.

        Args:
            optimizer: a Keras optimizer built on `variables`.
            variables: the Keras variables to change.
            tape: the `tf.GradientTape` that saw the loss.
            loss: a float32 scalar, the mean over this replica's examples.
        """
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        # Keras' optimizers sum gradients over replicas; the loss is a mean over one of them.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        optimizer.apply([gradient / replicas for gradient in gradients], variables)
