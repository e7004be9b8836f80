"""The teacher's signals for every batch: computed in each step, or read from a store made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import logging

from rnascl_tf.console import progress
from rnascl_tf.data import view_batches
from rnascl_tf.runs.run import Run
from rnascl_tf.runs.stage_training import augmentation, student_stream
from rnascl_tf.training import (
    LiveSignals,
    SignalStore,
    StoredSignals,
    Stream,
    TeacherSignals,
    ViewStore,
    nearest_store,
)


def stream_and_signals(
    run: Run, stage: str, epochs: int, taught: bool
) -> tuple[Stream, TeacherSignals | None]:
    """Returns what `taught_stream` does for a taught training; without signals for another one."""
    return taught_stream(run, stage, epochs) if taught else (student_stream(run), None)


def taught_stream(run: Run, stage: str, epochs: int) -> tuple[Stream, TeacherSignals]:
    """Returns the batches and the signals of a taught training.

    With `signals.views` or `signals.store` set, the signals that the store does not have are computed
    first. Those of fixed views are always stored, without `signals.store` in the run's own folder,
    `DIR/teacher/signals`.

    Args:
        run: a `Run`.
        stage: the stage's name, for the progress bar.
        epochs: length of the training.
    """
    stream = student_stream(run)
    if run.config.signals.views:
        stream = _with_view_signals(run, stage, stream)
    elif run.config.signals.store:
        stream = _with_epoch_signals(run, stage, stream, epochs)
    else:
        return stream, LiveSignals(run.teacher)
    return stream, StoredSignals(run.teacher.tap_names)


def _with_view_signals(run: Run, stage: str, stream: Stream) -> Stream:
    config, train = run.config, run.dataset.train
    place = config.signals.store or run.workdir / "teacher" / "signals"
    identity = _identity(run, "views")

    def batches(view: int) -> Any:
        return view_batches(
            train,
            view,
            batch_size=config.data.batch_size,
            seed=config.seed,
            **augmentation(config),
        )

    store = ViewStore(place, run.teacher, config.signals.views, len(train), batches, identity)
    missing = len(store.missing())
    logging.info(
        "%s: teacher signals from %s, %d of %d views to compute; all take %.1f MB",
        stage,
        store.folder,
        missing,
        config.signals.views,
        store.total_bytes / 1e6,
    )
    _fill(stage, store.folder, identity, f"{missing} views" if missing else "", store.prepare)
    return store.attach(stream)


def _with_epoch_signals(run: Run, stage: str, stream: Stream, epochs: int) -> Stream:
    place, size = run.config.signals.store, run.config.data.batch_size
    identity = _identity(run, "epochs")
    store = SignalStore(place, run.teacher, stream, identity)
    missing = len(store.missing(epochs))
    logging.info(
        "%s: teacher signals from %s, %d of %d epochs to compute",
        stage,
        store.folder,
        missing,
        epochs,
    )

    def prepare(on_image: Callable[[int, int], None]) -> None:
        store.prepare(epochs, lambda done, total: on_image(done * size, total * size))

    _fill(stage, store.folder, identity, f"{missing} epochs" if missing else "", prepare)
    return Stream(store.attach, stream.steps_per_epoch)


def _fill(
    stage: str,
    folder: Path,
    identity: dict[str, Any],
    work: str,
    prepare: Callable[[Callable[[int, int], None]], None],
) -> None:
    """Computes what a store lacks, with a progress bar; `work` is empty if it lacks nothing."""
    if not work:
        return
    other = None if folder.exists() else nearest_store(folder.parent, identity)
    if other is not None:
        logging.info(
            "%s: the signals in %s are not these: %s", stage, other[0], "; ".join(other[1])
        )
    with progress(f"{stage}, teacher signals") as on_batch:
        prepare(lambda done, total: on_batch(work, done, total))


def _identity(run: Run, parts: str) -> dict[str, Any]:
    """Returns everything that decides an image and the teacher's answer to it.

    Args:
        run: a `Run`.
        parts: "epochs" or "views", what is stored; the number of views does not matter.
    """
    teacher = run.config.teacher
    data = run.config.data.to_dict() | {"data_dir": ""}
    # Only if they differ from what older stores were made with.
    special: dict[str, Any] = (
        {"mean": list(teacher.mean), "std": list(teacher.std)} if teacher.mean else {}
    )
    special |= {"taps": teacher.taps} if teacher.taps != "main" else {}
    if run.teacher.precision != "float32":
        special["precision"] = run.teacher.precision
    if parts == "views":
        special["parts"] = parts
        del data["batch_size"]
    return {
        "teacher": run.teacher.sha256,
        **special,
        "attention_size": run.config.search.attention_size,
        "seed": run.config.seed,
        "data": data,
        "labels": run.dataset.train.fingerprint(),
    }
