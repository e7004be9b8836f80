"""Adversarial training: inner attack in evaluation mode, outer step in training mode, it learns."""

import numpy as np
import tensorflow as tf

import teachers
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training import AdversarialModel, CoupledSGD

SHAPE, CLASSES = (9, 7, 3), 5


def adversarial_model(epsilon=0.05):
    network = teachers.resnet(
        CLASSES, SHAPE, widths=(5, 7), blocks=(1, 1), seed=1, batch_norm_momentum=0.9
    )
    model = AdversarialModel(
        network, ThreatModel(epsilon), attack_steps=2, attack_step_size=0.5, seed=3
    )
    model.compile(CoupledSGD(0.05, 0.9, 1e-4))
    return model


def batch():
    generator = np.random.default_rng(0)
    return {
        "image": tf.constant(generator.random((16, *SHAPE), dtype="float32")),
        "label": tf.constant(generator.integers(0, CLASSES, 16), tf.int32),
    }


def statistics(model):
    return [v.numpy().copy() for v in model.classifier.non_trainable_variables]


def test_the_inner_attack_leaves_moving_statistics_alone_and_the_outer_step_moves_them():
    model = adversarial_model()
    before = statistics(model)
    attacked = model._attack(batch())
    for old, new in zip(before, statistics(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.abs(attacked - batch()["image"]).max() > 0.04
    model.train_step(batch())
    assert any(not np.array_equal(a, b) for a, b in zip(before, statistics(model), strict=True))


def test_learns_on_attacked_images():
    model = adversarial_model(epsilon=0.01)
    step = tf.function(model.train_step)
    losses = []
    for _ in range(60):
        for metric in model.metrics:
            metric.reset_state()
        losses.append(float(step(batch())["loss"]))
    assert min(losses[-5:]) < losses[0] / 2


def test_validation_is_under_attack():
    weak, strong = adversarial_model(epsilon=1e-6), adversarial_model(epsilon=0.5)
    losses = [float(model.test_step(batch())["cross_entropy"]) for model in (weak, strong)]
    assert losses[1] > losses[0]
