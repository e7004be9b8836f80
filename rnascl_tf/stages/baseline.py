"""Baseline stage: the same architecture by cross-entropy alone, so that the gain can be seen."""

from __future__ import annotations

from rnascl_tf import runs, stages
from rnascl_tf.report.model_style import ORANGE, ModelStyle
from rnascl_tf.stages.stage import Stage


def run(run: runs.Run) -> None:
    """Trains with the train stage's settings and no teacher; writes `DIR/baseline/student.keras`."""
    stages.train_student(run, "baseline", taught=False)


def estimate(run: runs.Run) -> float:
    """Returns the training's seconds."""
    steps_per_epoch = runs.training_stream(run).steps_per_epoch
    architecture = stages.untrained_student(run)
    _, model = stages.student_model(run, architecture, None, steps_per_epoch)
    return stages.training_seconds(run, model, run.config.train.epochs)


STAGE: Stage = Stage(
    name="baseline",
    title="train the same architecture by cross-entropy alone, for comparison",
    run=run,
    sections=("train", "baseline"),
    after=("search",),
    switch="baseline.enabled",
    student="baseline",
    is_control=True,
    style=ModelStyle(
        title="baseline",
        color=ORANGE,
        text_color="#805800",
        marker="^",
        origin="trained by cross-entropy alone",
    ),
    estimate=estimate,
)
