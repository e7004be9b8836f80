"""What every stage that trains a student shares: its attack, its watchers, and which epoch it saves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from absl import logging

from rnascl_tf.files import save_model
from rnascl_tf.runs import Run, train_stage
from rnascl_tf.training import (
    BestEpoch,
    BreakdownWarning,
    ClassifierModel,
    Hardening,
    SelfDistillation,
    Stream,
    remove_best_files,
)


def breakdown_warning(
    stage: str, hardening: Hardening, folder: Path, remedy: str | None
) -> list[keras.callbacks.Callback]:
    """Returns the callback that sees a breakdown, if the training's attack may break down.

    Args:
        stage: the stage's name.
        hardening: of the training.
        folder: the stage's, with its `history.csv`.
        remedy: see `BreakdownWarning`.
    """
    attack, judge = hardening.attack, hardening.validation
    if attack is None or judge is None or not attack.single_step:
        return []
    history, averaged = folder / "history.csv", bool(hardening.average)
    return [BreakdownWarning(stage, attack, judge, history, remedy, averaged=averaged)]


def keep_best(run: Run, stage: str, best: BestEpoch, result: Path) -> dict[str, Any]:
    """Loads the best epoch of a finished training into its network, and says which it is.

    Args:
        run: a `Run`.
        stage: the stage's name.
        best: of the training.
        result: see `BestEpoch.restore`.

    Returns:
        {"epoch": counted from 1, "validation_robust_accuracy": in [0, 1]}.
    """
    run.devices.wait_for_all()  # for the chief's file
    accuracy, epoch = best.restore(result)
    logging.info(
        "%s: epoch %d is kept, its accuracy on attacked validation images is %.1f%%",
        stage,
        epoch + 1,
        100 * accuracy,
    )
    return {"epoch": epoch + 1, "validation_robust_accuracy": accuracy}


def train_and_save(
    run: Run, stage: str, model: ClassifierModel, stream: Stream, section: str
) -> None:
    """Trains a student and writes `DIR/<stage>/student.keras`.

    That is the averaged network if there is one, of the best epoch under PGD-10 if `keep_best` says
    so, and of the last one otherwise; the record's entry of the stage says which.

    Args:
        run: a `Run`.
        stage: the stage's name, and its folder's.
        model: compiled.
        stream: the training batches.
        section: the config section of the training.
    """
    settings, hardening = run.config[section], model.hardening
    folder = run.folder(stage)
    result = folder / "student.keras"
    callbacks: list[keras.callbacks.Callback] = []
    best = BestEpoch(model.validated, folder, model.best) if settings.keep_best else None
    if best is not None:
        callbacks.append(best)
    remedy = None if best else f"--config.{section}.keep_best=true"
    callbacks += breakdown_warning(stage, hardening, folder, remedy)
    if hardening.self_distillation:
        callbacks.append(
            SelfDistillation(
                model.own_part,
                hardening.self_distillation,
                settings.self_distillation_start,
                settings.epochs,
            )
        )
    train_stage(run, stage, model, stream, section=section, callbacks=callbacks)
    if best is not None:
        kept = keep_best(run, stage, best, result)
        run.record["stages"].setdefault(stage, {})["kept"] = kept
    save_model(model.validated, result)
    run.devices.wait_for_all()  # until all have read the best epoch's file
    remove_best_files(folder)
