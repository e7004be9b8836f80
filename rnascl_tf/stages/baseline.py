"""Baseline stage: the same architecture without the teacher, so that the gain can be seen.

With an attack it trains on the same attacked images: what the teacher adds to adversarial training is
another question than what it adds to plain training.
"""

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
    title="train the same architecture without the teacher, for comparison",
    run=run,
    sections=("train", "baseline", "signals"),
    after=("search",),
    switch="baseline.enabled",
    student="baseline",
    is_control=True,
    style=ModelStyle(
        title="baseline",
        color=ORANGE,
        text_color="#805800",
        marker="^",
        origin="trained without a teacher",
    ),
    estimate=estimate,
)
