"""Train stage: the slim student from scratch by eq. 3; writes `DIR/train/student.keras`."""

from rnascl_tf.stages.student_training import train_student
from rnascl_tf.training import LiveSignals


def run(run):
    """Trains with the teacher and the searched tutors."""
    train_student(run, "train", LiveSignals(run.teacher))
