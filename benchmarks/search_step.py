"""One search step on S3 at batch 128, against a student's and a teacher's bare passes on that batch.

The step does both passes, twice over parts of the batch, and all that the method adds: masks, maps,
eq. 1 over all pairs, KL, the price, and two optimizers.
"""

import numpy as np
import tensorflow as tf

import teachers
from benchmarks.ratio import measure
from rnascl_tf.networks import SEARCH_SPACES, SearchProblem, build_student, build_supernet
from rnascl_tf.objectives import ExpectedMacs, cross_entropy
from rnascl_tf.training import CoupledSGD, LiveSignals, SearchModel, architecture_optimizer

BATCH, CLASSES, SHAPE = 128, 10, (32, 32, 3)
ROUNDS = 15


def run():
    """Returns the list of this file's ratios."""
    space = SEARCH_SPACES["S3"]
    # As deep and wide as a half-width ResNet-18: 17 tapped convolutions, 2.8 million parameters.
    network = teachers.resnet(CLASSES, SHAPE, widths=(32, 64, 128, 256), blocks=(2, 2, 2, 2))
    teacher = teachers.from_keras(network)
    model = SearchModel(
        build_supernet(space, CLASSES, SHAPE),
        LiveSignals(teacher),
        ExpectedMacs(SearchProblem(space, CLASSES, SHAPE)),
        attention_size=14,
        gamma=1.0,
    )
    model.compile(CoupledSGD(1e-3), architecture_optimizer(1e-3))
    student = build_student(
        {"space": "S3", "filters": space.widest, "num_classes": CLASSES, "input_shape": SHAPE}
    )
    generator = np.random.default_rng(0)
    batch = {
        "image": tf.constant(generator.random((BATCH, *SHAPE), dtype="float32")),
        "label": tf.constant(generator.integers(0, CLASSES, BATCH), tf.int32),
        "index": tf.range(BATCH, dtype=tf.int64),
    }
    search_step = tf.function(model.train_step, jit_compile=False)

    @tf.function(jit_compile=False)
    def student_passes():
        with tf.GradientTape() as tape:
            loss = cross_entropy(batch["label"], student(batch["image"], training=True))
        return tape.gradient(loss, [v.value for v in student.trainable_variables])

    @tf.function(jit_compile=False)
    def teacher_pass():
        return teacher.classifier(batch["image"], training=False)

    return [
        measure(
            "search_step_s3",
            lambda: search_step(batch)["loss"].numpy(),
            [lambda: student_passes()[0].numpy(), lambda: teacher_pass().numpy()],
            baseline="S3 student forward+backward on the batch + teacher forward",
            target=1.15,
            rounds=ROUNDS,
        )
    ]
