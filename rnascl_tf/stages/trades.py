"""TRADES stage: the trained student made robust by fine-tuning; writes `DIR/trades/student.keras`."""

from rnascl_tf.data import evaluation_batches
from rnascl_tf.files import save_model
from rnascl_tf.layers import BatchNormalization
from rnascl_tf.networks import read_architecture
from rnascl_tf.runs.batches import training_stream
from rnascl_tf.runs.method import is_taught
from rnascl_tf.runs.signals import taught_stream
from rnascl_tf.stages.student_training import check_fit, eq_3
from rnascl_tf.training import batch_norm_momentum, fit, weight_optimizer
from rnascl_tf.training.adversarial.trades_model import TradesModel


def run(run):
    """Fine-tunes the train stage's student with its teacher, tutors and gamma."""
    settings = run.config.trades
    architecture = read_architecture(run.need("search", "architecture.json"))
    check_fit(run, architecture)
    student = run.student("train")
    if is_taught(run.config):
        stream, steps_per_epoch, signals = taught_stream(run, "trades", settings.epochs)
    else:
        (stream, steps_per_epoch), signals = training_stream(run), None
    model = trades_model(run, student, architecture, signals, steps_per_epoch)
    folder = run.folder("trades")
    run.record["history"]["trades"] = fit(
        model,
        stream,
        evaluation_batches(run.dataset.validation, run.config.data.batch_size),
        epochs=settings.epochs,
        steps_per_epoch=steps_per_epoch,
        folder=folder,
        batch_norm=run.config.replicas.batch_norm,
        stage="trades",
        section="trades",
    )
    save_model(student, folder / "student.keras")


def trades_model(run, student, architecture, signals, steps_per_epoch):
    """Returns the compiled model that fine-tunes a student."""
    settings = run.config.trades
    # The train stage's momentum came with the file; a fine-tuning of another length has its own.
    momentum = batch_norm_momentum(settings, steps_per_epoch)
    for layer in student.layers:
        if isinstance(layer, BatchNormalization):
            layer.momentum = momentum
    model = TradesModel(
        student,
        signals,
        threat_model=run.threat_model,
        beta=settings.beta,
        attack_steps=settings.attack_steps,
        attack_step_size=settings.attack_step_size,
        seed=run.config.seed,
        **eq_3(run, architecture),
    )
    model.compile(weight_optimizer(settings, steps_per_epoch))
    return model
