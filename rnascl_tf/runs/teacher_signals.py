"""The teacher's signals for every batch: computed in each step, or read from a store made once."""

from typing import Any

from absl import logging

from rnascl_tf.console import progress
from rnascl_tf.runs.run import Run
from rnascl_tf.runs.stage_training import training_stream
from rnascl_tf.training import LiveSignals, SignalStore, StoredSignals, Stream, TeacherSignals


def stream_and_signals(
    run: Run, stage: str, epochs: int, taught: bool
) -> tuple[Stream, TeacherSignals | None]:
    """Returns what `taught_stream` does for a taught training; without signals for another one."""
    return taught_stream(run, stage, epochs) if taught else (training_stream(run), None)


def taught_stream(run: Run, stage: str, epochs: int) -> tuple[Stream, TeacherSignals]:
    """Returns the batches and the signals of a taught training.

    With `signals.store` set, the signals of epochs that the store does not have are computed first.

    Args:
        run: a `Run`.
        stage: the stage's name, for the progress bar.
        epochs: length of the training.
    """
    stream = training_stream(run)
    if not run.config.signals.store:
        return stream, LiveSignals(run.teacher)
    store = SignalStore(
        run.config.signals.store,
        run.teacher,
        stream,
        _identity(run),
    )
    missing = len(store.missing(epochs))
    logging.info(
        "%s: teacher signals from %s, %d of %d epochs to compute",
        stage,
        store.folder,
        missing,
        epochs,
    )
    if missing:
        with progress(f"{stage}, teacher signals") as on_batch:
            size = run.config.data.batch_size
            store.prepare(
                epochs, lambda done, total: on_batch(f"{missing} epochs", done * size, total * size)
            )
    return Stream(store.attach, stream.steps_per_epoch), StoredSignals(run.teacher.tap_names)


def _identity(run: Run) -> dict[str, Any]:
    """Returns everything that decides a batch and the teacher's answer to it."""
    data, teacher = run.config.data, run.config.teacher
    # Only if they differ from what older stores were made with.
    special: dict[str, Any] = (
        {"mean": list(teacher.mean), "std": list(teacher.std)} if teacher.mean else {}
    )
    special |= {"taps": teacher.taps} if teacher.taps != "main" else {}
    if run.teacher.precision != "float32":
        special["precision"] = run.teacher.precision
    return {
        "teacher": run.teacher.sha256,
        **special,
        "attention_size": run.config.search.attention_size,
        "seed": run.config.seed,
        "data": data.to_dict() | {"data_dir": ""},
        "labels": run.dataset.train.fingerprint(),
    }
