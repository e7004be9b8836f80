"""Training of the slim student: eq. 3 with a teacher, cross-entropy alone without."""

import tensorflow as tf

from rnascl_tf.layers import AttentionMaps
from rnascl_tf.networks import ArchitectureError, student_taps
from rnascl_tf.objectives import Terms, cross_entropy, distillation_loss
from rnascl_tf.training.metrics import TermMeans
from rnascl_tf.training.training_model import TrainingModel


class StudentModel(TrainingModel):
    """A student and what teaches it.

    Args:
        student: from `build_student`.
        signals: a `TeacherSignals` source; None trains with cross-entropy alone (the baseline).
        tutors: the tutor's name of every student layer, {student tap: teacher tap}; every tap of
            the student needs one. Not read without `signals`.
        attention_size: side of the maps; the same as the teacher's.
        gamma: gamma_t of eq. 3.

    Raises:
        ArchitectureError: a student tap has no tutor, or a tutor is no layer of the teacher.
    """

    def __init__(self, student, signals=None, tutors=None, *, attention_size=14, gamma=1.0):
        super().__init__(name="student_training")
        self.student = student_taps(student)
        self.signals = signals
        self.gamma = gamma
        self.attention_maps = AttentionMaps(attention_size)
        if signals is None:
            self.means = TermMeans(terms=("loss", "cross_entropy"))
        else:
            self.means = TermMeans()
            self.tutor_weights = tf.constant(
                one_hot_tutors(tuple(self.student.output["taps"]), signals.teacher_layers, tutors)
            )
        self.built = True

    @property
    def weight_variables(self):
        """The student's trainable variables."""
        return self.student.trainable_variables

    def call(self, images, training=False):
        """Returns the student's logits and taps."""
        return self.student(images, training=training)

    def loss_terms(self, batch):
        """Returns the `Terms` of eq. 3 and the student's logits, from one forward pass."""
        outputs = self(batch["image"], training=True)
        labels, logits = batch["label"], outputs["logits"]
        if self.signals is None:
            task = cross_entropy(labels, logits)
            return Terms(task, task), logits
        signals = self.signals(batch)
        maps = self.attention_maps(list(outputs["taps"].values()))
        terms = distillation_loss(
            labels, logits, maps, signals.logits, signals.maps, self.tutor_weights, self.gamma
        )
        return terms, logits

    def train_step(self, batch):
        """One step on the whole batch."""
        with tf.GradientTape() as tape:
            terms, logits = self.loss_terms(batch)
        self.descend(self.optimizer, self.weight_variables, tape, terms.loss)
        self.means.update(batch["label"], logits, terms)
        return self.means.results()

    def test_step(self, batch):
        """Cross-entropy and accuracy in evaluation mode."""
        logits = self(batch["image"], training=False)["logits"]
        return self.means.evaluate(batch["label"], logits)


def one_hot_tutors(student_layers, teacher_layers, tutors):
    """Returns g of eq. 3 as a nested list of floats [n_s][n_t], one-hot in each row.

    Args:
        student_layers: names of the student's taps, in order.
        teacher_layers: names of the teacher's taps, in order.
        tutors: {student tap: teacher tap}.

    Raises:
        ArchitectureError: a student layer has no tutor, or a tutor is no layer of the teacher.
    """
    rows = []
    for name in student_layers:
        if tutors.get(name) not in teacher_layers:
            raise ArchitectureError(
                f"student layer {name} has tutor {tutors.get(name)!r}, which is no tapped layer of "
                f"this teacher ({len(teacher_layers)} taps, first {teacher_layers[0]!r}): the "
                "architecture was searched with another teacher or other taps."
            )
        rows.append([float(layer == tutors[name]) for layer in teacher_layers])
    return rows
