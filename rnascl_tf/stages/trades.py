"""TRADES stage: the trained student made robust by fine-tuning; writes `DIR/trades/student.keras`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_collections import ConfigDict

from rnascl_tf import networks, runs, stages, training
from rnascl_tf.recipes.rules import check_values, optimization_rules
from rnascl_tf.report.model_style import GREEN, ModelStyle
from rnascl_tf.stages.stage import Stage

if TYPE_CHECKING:
    import keras


def run(run: runs.Run) -> None:
    """Fine-tunes the train stage's student with its teacher, tutors and gamma."""
    settings = run.config.trades
    architecture = networks.read_architecture(run.need("search", "architecture.json"))
    stages.check_fit(run, architecture)
    student = run.student("train")
    taught = runs.is_taught(run.config)
    stream, signals = runs.stream_and_signals(run, "trades", settings.epochs, taught)
    model = trades_model(run, student, architecture, signals, stream.steps_per_epoch)
    stages.train_and_save(run, "trades", model, stream, section="trades")


def trades_model(
    run: runs.Run,
    student: keras.Model,
    architecture: networks.Architecture,
    signals: training.TeacherSignals | None,
    steps_per_epoch: int,
) -> training.StudentModel:
    """Returns the compiled model that fine-tunes a student."""
    settings = run.config.trades
    # The train stage's momentum came with the file; a fine-tuning of another length has its own.
    training.set_batch_norm_momentum(
        student, training.batch_norm_momentum(settings, steps_per_epoch)
    )
    model = training.StudentModel(
        student,
        signals,
        hardening=training.hardening_of(settings, run.threat_model, run.config.seed),
        **stages.eq_3(run, architecture),
    )
    model.compile(training.weight_optimizer(settings, steps_per_epoch))
    return model


def check(config: ConfigDict) -> None:
    """Checks the section `trades`."""
    check_values(config, optimization_rules("trades"))
    stages.check_hardening(config, "trades")
    if config.trades.enabled:
        runs.require_epsilon(config, "--config.trades.enabled=false")


def estimate(run: runs.Run) -> float:
    """Returns the fine-tuning's seconds."""
    signals = stages.untrained_signals(run) if runs.is_taught(run.config) else None
    architecture = stages.untrained_student(run, signals)
    student = networks.build_student(architecture)
    model = trades_model(
        run, student, architecture, signals, runs.training_stream(run).steps_per_epoch
    )
    return stages.training_seconds(run, model, run.config.trades.epochs)


STAGE: Stage = Stage(
    name="trades",
    title="fine-tune the trained student on attacked images, by TRADES unless told otherwise",
    run=run,
    sections=("trades",),
    after=("train",),
    switch="trades.enabled",
    student="trades",
    style=ModelStyle(
        title="student + fine-tuning",
        color=GREEN,
        text_color="#006249",
        marker="s",
        origin="trained by RNAS-CL, fine-tuned on attacked images",
    ),
    check=check,
    estimate=estimate,
)
