"""Train stage: the slim student from scratch by eq. 3; writes `DIR/train/student.keras`."""

from rnascl_tf.runs.method import is_taught
from rnascl_tf.stages.student_training import train_student


def run(run):
    """Trains with the teacher and the architecture's tutors, as far as the method's controls go."""
    train_student(run, "train", taught=is_taught(run.config))
