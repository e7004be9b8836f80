"""The attacks' random numbers: one stream for each image, attack and round.

A stream is seeded with seed, attack, round and the image's place in the evaluated set. So an attack's
random numbers do not depend on the process's random state, the order of attacks, the batches, or the
images that earlier attacks have broken: a resumed evaluation ends like an uninterrupted one.
"""

import zlib
from collections.abc import Iterable

import numpy as np


class Randomness:
    """The streams of a batch.

    Args:
        seed: at least 0.
        indices: [n], the images' places in the evaluated set.
    """

    def __init__(self, seed: int, indices: Iterable[int]) -> None:
        self.seed = int(seed)
        self.indices = [int(index) for index in indices]

    def generators(self, attack_name: str, attack_round: int = 0) -> list[np.random.Generator]:
        """Returns one new generator for each image of the batch."""
        key = [self.seed, zlib.crc32(attack_name.encode())]
        if attack_round:
            key.append(int(attack_round))
        return [np.random.default_rng([*key, index]) for index in self.indices]

    def directions(
        self, attack_name: str, image_shape: tuple[int, ...], norm: str, attack_round: int = 0
    ) -> np.ndarray:
        """Draws points of the norm's unit ball, uniformly.

        Args:
            attack_name: the attack's name.
            image_shape: (height, width, channels).
            norm: "linf" or "l2".
            attack_round: number of the restart or target, from 0.

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
