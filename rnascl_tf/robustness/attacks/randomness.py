"""The attacks' random numbers: one stream for each image, attack and round.

A stream is keyed by seed, attack, round and the image's place in the evaluated set. So what an
attack draws depends neither on the process's random state nor on the order of attacks, on batches,
or on which images earlier attacks have broken: a resumed evaluation ends like one never stopped.
"""

import zlib

import numpy as np


class Randomness:
    """The streams of a batch.

    Args:
        seed: integer >= 0.
        indices: integers [n], the images' places in the evaluated set.
    """

    def __init__(self, seed, indices):
        self.seed = int(seed)
        self.indices = [int(index) for index in indices]

    def generators(self, attack_name, attack_round=0):
        """Returns one fresh `numpy.random.Generator` for each image of the batch."""
        key = [self.seed, zlib.crc32(attack_name.encode())]
        if attack_round:
            key.append(int(attack_round))
        return [np.random.default_rng([*key, index]) for index in self.indices]

    def directions(self, attack_name, image_shape, norm, attack_round=0):
        """Draws points of the norm's unit ball, uniformly.

        Args:
            attack_name: name of the attack.
            image_shape: (height, width, channels).
            norm: "linf" or "l2".
            attack_round: restart or target, from 0.

        Returns:
            float32 [n, height, width, channels].
        """
        directions = np.empty((len(self.indices), *image_shape), np.float32)
        for row, generator in enumerate(self.generators(attack_name, attack_round)):
            if norm == "linf":
                directions[row] = 2.0 * generator.random(image_shape, np.float32) - 1.0
            else:
                normal = generator.standard_normal(image_shape)
                radius = generator.random() ** (1.0 / normal.size)
                directions[row] = normal * (radius / np.linalg.norm(normal))
        return directions
