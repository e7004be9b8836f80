"""Train stage: the slim student from scratch by eq. 3; writes `DIR/train/student.keras`."""

from __future__ import annotations

from ml_collections import ConfigDict

from rnascl_tf import runs, stages
from rnascl_tf.errors import UserError
from rnascl_tf.recipes.choices import NO_ATTACK
from rnascl_tf.recipes.rules import AT_LEAST_0, check_values, optimization_rules
from rnascl_tf.report.model_style import BLUE, ModelStyle
from rnascl_tf.stages.stage import Stage


def run(run: runs.Run) -> None:
    """Trains with the teacher and the architecture's tutors, as far as the method's controls go."""
    stages.train_student(run, "train", taught=runs.is_taught(run.config))


def check(config: ConfigDict) -> None:
    """Checks the section `train`."""
    own = {"train.gamma": AT_LEAST_0, "train.clean_weight": AT_LEAST_0}
    check_values(config, {**optimization_rules("train"), **own})
    stages.check_hardening(config, "train")
    if config.train.attack != NO_ATTACK:
        runs.require_epsilon(config, "--config.train.attack=none")
    if config.train.clean_weight and config.train.attack in (NO_ATTACK, "trades"):
        raise UserError(
            f"--config.train.clean_weight={config.train.clean_weight} adds clean images to a training "
            f"on attacked ones, and --config.train.attack={config.train.attack} has them already: "
            "leave clean_weight out."
        )


def estimate(run: runs.Run) -> float:
    """Returns the training's seconds."""
    steps_per_epoch = runs.training_stream(run).steps_per_epoch
    signals = stages.untrained_signals(run) if runs.is_taught(run.config) else None
    architecture = stages.untrained_student(run, signals)
    _, model = stages.student_model(run, architecture, signals, steps_per_epoch)
    seconds = stages.training_seconds(run, model, run.config.train.epochs)
    # A search has computed the signals of fixed views already.
    if signals is not None and run.config.search.architecture:
        seconds += stages.view_seconds(run, signals)
    return seconds


STAGE: Stage = Stage(
    name="train",
    title="train the student from scratch, taught by the teacher",
    run=run,
    sections=("train", "method", "signals"),
    after=("search",),
    student="student",
    style=ModelStyle(
        title="student", color=BLUE, text_color="#004B78", marker="o", origin="trained by RNAS-CL"
    ),
    check=check,
    estimate=estimate,
)
