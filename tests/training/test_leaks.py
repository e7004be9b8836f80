"""A long training of few images: memory, file descriptors and traces stay where they were."""

import keras
import numpy as np
import psutil
import pytest

from rnascl_tf.data import Examples, evaluation_batches, training_batches
from rnascl_tf.training import DiagnosticsLog, Plan, Stream, TemperatureAnnealing, fit
from tests.training.conftest import CLASSES, SHAPE

EPOCHS, IMAGES, BATCH = 300, 64, 16


class Watch(keras.callbacks.Callback):
    """What the process holds after every epoch."""

    def __init__(self):
        super().__init__()
        self.memory, self.descriptors, self.traces = [], [], []

    def on_epoch_end(self, epoch, logs=None):
        self.memory.append(psutil.Process().memory_info().rss)
        self.descriptors.append(psutil.Process().num_fds())
        functions = (self.model.train_function, self.model.test_function)
        self.traces.append([each.experimental_get_tracing_count() for each in functions if each])


@pytest.mark.long
def test_300_epochs_leave_nothing_behind(new_search_model, tmp_path):
    generator = np.random.default_rng(0)
    examples = Examples(
        generator.integers(0, 256, (IMAGES, *SHAPE)).astype("uint8"),
        generator.integers(0, CLASSES, IMAGES).astype("int32"),
    )
    watch = Watch()
    diagnostics = DiagnosticsLog(tmp_path / "diagnostics.npz")
    plan = Plan(
        stage="search",
        section="search",
        epochs=EPOCHS,
        folder=tmp_path,
        stream=Stream(
            lambda epoch, step: training_batches(
                examples, batch_size=BATCH, seed=3, first_epoch=epoch, first_step=step
            ),
            IMAGES // BATCH,
        ),
        validation=evaluation_batches(examples, BATCH),
    )
    fit(new_search_model(), plan, [TemperatureAnnealing(EPOCHS), diagnostics, watch])
    third = EPOCHS // 3
    # Means, because freed memory goes back to the system at moments of its own.
    before, after = np.mean(watch.memory[-third : -third + 10]), np.mean(watch.memory[-10:])
    print(
        f"resident memory, MiB, after epochs 1, 100, 200, 300: "
        f"{[round(watch.memory[epoch] / 2**20, 1) for epoch in (0, 99, 199, 299)]}; growth in the "
        f"last third {100 * (after / before - 1):+.2f}%; descriptors {watch.descriptors[0]} to "
        f"{watch.descriptors[-1]}; traces {watch.traces[0]} to {watch.traces[-1]}"
    )
    assert after / before - 1 < 0.02
    assert watch.traces[-1] == watch.traces[1]
    assert watch.descriptors[-1] == watch.descriptors[1]
