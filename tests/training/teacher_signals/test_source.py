"""The one interface to the teacher: live signals are the teacher's own, and carry no gradient."""

import numpy as np
import tensorflow as tf


def test_live_signals_are_the_teachers(signals, batch):
    logits, maps = signals(batch)
    assert logits.shape == (20, 7)
    assert maps.shape == (20, len(signals.teacher_layers), 25)
    np.testing.assert_allclose(np.linalg.norm(maps, axis=-1), 1.0, rtol=1e-5)
    half = {name: values[:10] for name, values in batch.items()}
    np.testing.assert_allclose(signals(half).logits, logits[:10], rtol=1e-4, atol=1e-6)


def test_no_gradient_flows_into_the_images(signals, batch):
    images = batch["image"]
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(signals({"image": images}).maps)
    assert tape.gradient(loss, images) is None
