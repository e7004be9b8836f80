"""Models with known answers for the attack tests."""

import numpy as np
import pytest
import tensorflow as tf

IMAGE_SHAPE = (5, 7, 3)


class LinearModel:
    """Two-class logits = flat(images) @ weights + bias; counts how often Python runs it
    (`calls`) and how many of these are inside a graph (`traces`).

    Every attack has the same best answer here: x + epsilon sign(w_other - w_true), clipped.
    """

    def __init__(self, seed=11):
        generator = np.random.default_rng(seed)
        self.weights = generator.normal(size=(np.prod(IMAGE_SHAPE), 2)).astype(np.float32) / 4
        self.bias = np.array([0.1, -0.2], np.float32)
        self.calls = 0
        self.traces = 0

    def __call__(self, images):
        self.calls += 1
        self.traces += not tf.executing_eagerly()
        flat = tf.reshape(images, (-1, self.weights.shape[0]))
        return flat @ self.weights + self.bias

    def exact_logits(self, images):
        flat = images.reshape(len(images), -1).astype(np.float64)
        return flat @ self.weights.astype(np.float64) + self.bias

    def best_attack(self, images, labels, epsilon):
        direction = np.sign(self.weights[:, 1] - self.weights[:, 0]).reshape(IMAGE_SHAPE)
        towards_other = np.where(labels == 0, 1.0, -1.0)[:, None, None, None]
        return np.clip(images.astype(np.float64) + epsilon * towards_other * direction, 0.0, 1.0)

    def withstands(self, images, labels, epsilon):
        """Which images no perturbation of that size can break (bool [n])."""
        attacked = self.best_attack(images, labels, epsilon)
        before = self.exact_logits(images).argmax(axis=1) == labels
        return before & (self.exact_logits(attacked).argmax(axis=1) == labels)


@pytest.fixture(scope="module")
def linear_model():
    """Shared, because an attack is traced once for a model."""
    return LinearModel()


@pytest.fixture
def uncalled_linear_model():
    """For tests that count calls or traces."""
    return LinearModel()


@pytest.fixture
def examples():
    """23 images and labels that the linear model mostly gets right; (images, labels)."""
    generator = np.random.default_rng(3)
    images = generator.random((23, *IMAGE_SHAPE), np.float32)
    labels = LinearModel().exact_logits(images).argmax(axis=1)
    labels[[4, 13]] = 1 - labels[[4, 13]]
    return images, labels
