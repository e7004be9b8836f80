"""One attack step of a training of S3 at batch 128: what folding the batch norms saves.

A step is what N-FGSM takes for a batch: the gradient of the cross-entropy with respect to the images,
and its sign. The folded one includes the folding, which an attack of several steps pays once.
"""

import tensorflow as tf

from benchmarks.ratio import measure
from rnascl_tf.networks import build_student
from rnascl_tf.training.adversarial.folded_network import FoldedNetwork

BATCH, CLASSES, SHAPE = 128, 10, (32, 32, 3)
FILTERS = [[16, 16, 16], [20, 20, 20], [52, 52, 52]]
EPSILON = 8 / 255
ROUNDS = 40
TARGETS = {"hard_swish": 0.8, "relu6": 0.7}


def run():
    """Returns the list of this file's ratios."""
    return [
        measure(
            f"folded_attack_step_{activation}",
            _step(FoldedNetwork(student).with_present_weights),
            [_step(lambda student=student: lambda images: student(images, training=False))],
            baseline="the same attack step on the unfolded network",
            target=target,
            rounds=ROUNDS,
        )
        for activation, target in TARGETS.items()
        for student in [new_student(activation)]
    ]


def new_student(activation):
    """Returns an untrained student of S3 with this activation."""
    return build_student(
        {
            "space": "S3",
            "filters": FILTERS,
            "num_classes": CLASSES,
            "input_shape": SHAPE,
            "activation": activation,
        }
    )


def _step(begin):
    images = tf.random.stateless_uniform((BATCH, *SHAPE), (0, 1))
    labels = tf.random.stateless_uniform((BATCH,), (0, 2), 0, CLASSES, tf.int32)

    @tf.function(jit_compile=False)
    def attacked(images):
        logits = begin()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits(images))
        return images + EPSILON * tf.sign(tape.gradient(loss, images))

    return lambda: attacked(images).numpy()
