"""Baseline stage: the same architecture by cross-entropy alone, so that the gain can be seen."""

from rnascl_tf.stages.student_training import train_student


def run(run):
    """Trains with the train stage's settings and no teacher; writes `DIR/baseline/student.keras`."""
    train_student(run, "baseline", taught=False)
