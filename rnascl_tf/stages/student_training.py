"""What the train stage and its baseline share: one slim student, trained from scratch and saved."""

from rnascl_tf.data import evaluation_batches
from rnascl_tf.networks import build_student, read_architecture
from rnascl_tf.stages.batches import training_stream
from rnascl_tf.training import StudentModel, batch_norm_momentum, fit, weight_optimizer


def train_student(run, stage, signals):
    """Trains the searched architecture and writes `DIR/<stage>/student.keras`.

    Args:
        run: a `Run`.
        stage: the stage's name, and its folder's.
        signals: a `TeacherSignals` source for eq. 3, or None for cross-entropy alone.
    """
    architecture = read_architecture(run.need("search", "architecture.json"))
    folder = run.folder(stage)
    stream, steps_per_epoch = training_stream(run)
    student, model = student_model(run, architecture, signals, steps_per_epoch)
    run.record["history"][stage] = fit(
        model,
        stream,
        evaluation_batches(run.dataset.validation, run.config.data.batch_size),
        epochs=run.config.train.epochs,
        steps_per_epoch=steps_per_epoch,
        folder=folder,
        stage=stage,
    )
    # Keras insists on the suffix, so the temporary name keeps it.
    partial = folder / "partial.keras"
    student.save(partial)
    partial.replace(folder / "student.keras")


def student_model(run, architecture, signals, steps_per_epoch):
    """Returns the new student and the compiled model that trains it."""
    settings = run.config.train
    student = build_student(
        architecture,
        momentum=batch_norm_momentum(settings, steps_per_epoch),
        seed=run.config.seed,
    )
    model = StudentModel(
        student,
        signals,
        {tutor["student"]: tutor["teacher"] for tutor in architecture.tutors},
        attention_size=run.config.search.attention_size,
        gamma=settings.gamma,
    )
    model.compile(weight_optimizer(settings, steps_per_epoch))
    return student, model
