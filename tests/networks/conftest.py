"""Weights with which a network's evaluation mode tells something: a new one's logits are 1e-12."""

import functools

import numpy as np
import pytest

from rnascl_tf.networks import SEARCH_SPACES, build_supernet


@pytest.fixture(scope="session")
def randomize():
    def assign(model, seed=0):
        generator = np.random.default_rng(seed)
        for variable in model.variables:
            if "moving_variance" in variable.path or variable.path.endswith("gamma"):
                variable.assign(generator.uniform(0.5, 1.5, variable.shape))
            elif variable.ndim in (1, 2, 4) and "gumbel" not in variable.path:
                # Kernels at twice He's fan-in scale keep activations near one through the layers.
                fan_in = np.prod(variable.shape[:-1]) if variable.ndim > 1 else 4.0
                fan_in = 9 if "depthwise" in variable.path and variable.ndim == 4 else fan_in
                variable.assign(generator.normal(0, (2 / fan_in) ** 0.5, variable.shape))
        return model

    return assign


@pytest.fixture(scope="session")
def supernet_of(randomize):
    """The supernet of a space with telling weights, for 7 classes, built once."""

    def build(name):
        # Odd and unequal; for the ImageNet spaces large enough for four halvings after the stem.
        shape = (33, 29, 3) if name.startswith("I") else (13, 11, 3)
        return randomize(build_supernet(SEARCH_SPACES[name], 7, shape, seed=3))

    return functools.cache(build)
