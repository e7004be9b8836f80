"""The shared step: the gradient of the loss, and its mean over replicas."""

import keras
import numpy as np
import tensorflow as tf

from rnascl_tf.training import CoupledSGD
from rnascl_tf.training.training_model import TrainingModel


class OneWeight(TrainingModel):
    """Loss w * mean(x)."""

    def __init__(self):
        super().__init__()
        self.weight = self.add_weight(name="weight", shape=(), initializer="ones")
        self.built = True

    @property
    def weight_variables(self):
        return [self.weight]

    def step(self, values):
        with tf.GradientTape() as tape:
            loss = self.weight * tf.reduce_mean(values)
        self.descend(self.optimizer, self.weight_variables, tape, loss)


def test_applies_the_gradient():
    model = OneWeight()
    model.compile(CoupledSGD(0.5, momentum=0.0))
    model.step(tf.constant([1.0, 3.0]))
    assert float(model.weight) == 1.0 - 0.5 * 2.0


def test_two_replicas_take_the_step_of_the_whole_batch(two_replicas):
    strategy = two_replicas
    with strategy.scope():
        model = OneWeight()
        model.compile(CoupledSGD(0.5, momentum=0.0))
    halves = tf.data.Dataset.from_tensor_slices(np.array([1.0, 3.0], "float32")).batch(2)
    for values in strategy.experimental_distribute_dataset(halves):
        strategy.run(model.step, args=(values,))
    assert float(keras.ops.convert_to_numpy(model.weight)) == 1.0 - 0.5 * 2.0
