"""One resumable training: Keras' `fit` with checkpoints, logs and a guard, the same for every stage."""

import sys

import keras
import tensorflow as tf

from rnascl_tf.networks.supernet import PAPER_MOMENTUM
from rnascl_tf.training.divergence_guard import DivergenceGuard
from rnascl_tf.training.history import HistoryLog, read_history

CHECKPOINTS_KEPT = 2


class _Checkpoint(keras.callbacks.Callback):
    def __init__(self, manager, epochs_done):
        super().__init__()
        self.manager = manager
        self.epochs_done = epochs_done

    def on_epoch_end(self, epoch, logs=None):
        self.epochs_done.assign(epoch + 1)
        self.manager.save(checkpoint_number=epoch + 1)


def fit(
    model,
    batches,
    validation,
    *,
    epochs,
    steps_per_epoch,
    folder,
    stage,
    section,
    callbacks=(),
    ended=None,
):
    """Trains a compiled model to `epochs`, from the last checkpoint in `folder` if there is one.

    Args:
        model: a compiled Keras model; a second optimizer in `architecture_optimizer` is saved too.
        batches: function first_epoch -> endless `tf.data.Dataset`, the same batches whether the run
            was interrupted or not.
        validation: a `tf.data.Dataset`.
        epochs: length of the whole training.
        steps_per_epoch: batches in an epoch.
        folder: the stage's folder; gets `checkpoints/`, `tensorboard/` and `history.csv`.
        stage: its name, for messages.
        section: the config section that holds its learning rate, for messages.
        callbacks: more Keras callbacks, called before the checkpoint.
        ended: function epochs_done -> bool, asked once what was restored is known: whether a callback
            had ended the training then.

    Returns:
        The history: a dict of floats for each epoch, those before the resume included.

    Raises:
        TrainingDivergedError: a loss term is not finite; the checkpoints stay.
    """
    epochs_done = tf.Variable(0, dtype=tf.int64, trainable=False)
    checkpoint = tf.train.Checkpoint(epochs_done=epochs_done, variables=_variables(model))
    manager = tf.train.CheckpointManager(
        checkpoint, str(folder / "checkpoints"), max_to_keep=CHECKPOINTS_KEPT
    )
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint).assert_consumed()
        print(f"{stage}: resuming at epoch {int(epochs_done.numpy()) + 1} of {epochs}")
    first_epoch = int(epochs_done.numpy())
    history = folder / "history.csv"
    if first_epoch < epochs and not (ended and ended(first_epoch)):
        model.fit(
            batches(first_epoch),
            validation_data=validation,
            initial_epoch=first_epoch,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            shuffle=False,  # the stream has shuffled
            # A bar that redraws itself fills a log file with its every state.
            verbose=1 if sys.stdout.isatty() else 2,
            callbacks=[
                *callbacks,
                DivergenceGuard(stage, section, lambda: manager.latest_checkpoint),
                HistoryLog(history, first_epoch),
                keras.callbacks.TensorBoard(str(folder / "tensorboard"), write_graph=False),
                _Checkpoint(manager, epochs_done),
            ],
        )
    return read_history(history)


def _variables(model):
    """Returns everything that training changes, as TensorFlow variables in a fixed order.

    A list, because Keras shows TensorFlow's checkpoints no seed generators when it is given the model
    itself: a resumed search would draw other noise.
    """
    variables = [*model.variables, *model.optimizer.variables]
    if hasattr(model, "architecture_optimizer"):
        variables += model.architecture_optimizer.variables
    return [variable.value for variable in variables]


def batch_norm_momentum(settings, steps_per_epoch):
    """Returns the momentum of the moving statistics for a training of this length.

    The paper's 0.997 leaves 44% of the initial statistics after 270 steps; trainings under 2,000
    steps get 0.9 unless the config says otherwise (DESIGN section 5).
    """
    if settings.batch_norm_momentum is not None:
        return settings.batch_norm_momentum
    return PAPER_MOMENTUM if settings.epochs * steps_per_epoch >= 2000 else 0.9
