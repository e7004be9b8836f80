"""Real images where there is no data set: crops of two photographs that come with scikit-learn."""

import numpy as np
import sklearn.datasets
import tensorflow as tf

SMALLEST_CROP = 0.3
"""Side of the smallest crop, as a fraction of the photograph's height."""


def photograph_crops(
    count: int, height: int, width: int, channels: int = 3, seed: int = 0
) -> np.ndarray:
    """Returns crops of two photographs (a temple, a flower) at varied places and scales.

    They show the difference of two implementations of a network; noise may leave layers silent.

    Args:
        count: number of crops, at least 1.
        height: of each, in pixels.
        width: likewise.
        channels: 3, or 1 for their mean over the colours.
        seed: of places and scales.

    Returns:
        float32 [count, height, width, channels] in [0, 1], alternating between the photographs.
    """
    photographs = sklearn.datasets.load_sample_images().images
    generator = np.random.default_rng(seed)
    crops = []
    for index in range(count):
        photograph = photographs[index % len(photographs)]
        rows, columns = photograph.shape[:2]
        scale = generator.uniform(SMALLEST_CROP, 1.0)
        tall = scale * min(rows, columns * height / width)
        size = max(1, int(tall)), max(1, int(tall * width / height))
        top = generator.integers(rows - size[0] + 1)
        left = generator.integers(columns - size[1] + 1)
        crop = photograph[top : top + size[0], left : left + size[1]] / np.float32(255)
        crops.append(tf.image.resize(crop, (height, width), antialias=True).numpy())
    images = np.clip(np.stack(crops), 0.0, 1.0)
    return images if channels == 3 else images.mean(axis=-1, keepdims=True)
