"""The box of images that a threat model allows around each clean image, exact in float32.

{x' : |x' - x| <= epsilon, low <= x' <= high} for an L-inf threat model. Adding epsilon in float32
can overshoot it by half a unit in the last place (3e-8 at 1.0), so the corners are computed in
float64 and rounded towards the clean image.
"""

import tensorflow as tf


def feasible_box(images, threat_model):
    """Returns the corners of the allowed box; works eagerly and inside a graph.

    Clipping to the box keeps |x' - x| <= epsilon in exact arithmetic and as computed in float32.

    Args:
        images: float32 [n, height, width, channels], inside the threat model's bounds.
        threat_model: a `ThreatModel` with the L-inf norm.

    Returns:
        Two float32 tensors of the images' shape: lowest and highest allowed pixel values.
    """
    exact_images = tf.cast(images, tf.float64)
    exact_low = exact_images - threat_model.epsilon
    exact_high = exact_images + threat_model.epsilon
    low = tf.cast(exact_low, tf.float32)
    high = tf.cast(exact_high, tf.float32)
    low = tf.where(tf.cast(low, tf.float64) < exact_low, tf.math.nextafter(low, images), low)
    high = tf.where(tf.cast(high, tf.float64) > exact_high, tf.math.nextafter(high, images), high)
    lower_bound, upper_bound = threat_model.bounds
    return tf.maximum(low, lower_bound), tf.minimum(high, upper_bound)
