"""A tiny real problem: a supernet of three blocks on 9x9 images and a small native teacher."""

import numpy as np
import pytest
import tensorflow as tf

import teachers
from rnascl_tf.networks import SEARCH_SPACES, SearchProblem, SearchSpace, build_supernet
from rnascl_tf.networks.search_space import StageSpace
from rnascl_tf.objectives import ExpectedMacs
from rnascl_tf.training import CoupledSGD, LiveSignals, SearchModel, architecture_optimizer

SHAPE, CLASSES = (9, 9, 3), 7
ATTENTION_SIZE = 5
# Small, because tracing S3 for each test would take longer than what is tested.
SPACE = SearchSpace("tiny", (StageSpace((8, 4), 2, 1), StageSpace((14, 12, 6), 1, 2)))


# For tests that trace several trainings.
ONE_BLOCK = SearchSpace("one_block", (StageSpace((8, 4), 1, 1),))
# Of a student of the first space.
ARCHITECTURE = {
    "space": SPACE.name,
    "filters": [[8, 4], [14]],
    "num_classes": CLASSES,
    "input_shape": SHAPE,
}


@pytest.fixture
def known_space(monkeypatch):
    """Within the test, students of the spaces can be built by name."""
    for space in (SPACE, ONE_BLOCK):
        monkeypatch.setitem(SEARCH_SPACES, space.name, space)


@pytest.fixture(scope="session")
def signals():
    network = teachers.resnet(CLASSES, SHAPE, widths=(5, 7), blocks=(1, 1), seed=1)
    return LiveSignals(teachers.from_keras(network, attention_size=ATTENTION_SIZE))


@pytest.fixture
def batch():
    generator = np.random.default_rng(0)
    return {
        "image": tf.constant(generator.random((20, *SHAPE), dtype="float32")),
        "label": tf.constant(generator.integers(0, CLASSES, 20), tf.int32),
        "index": tf.range(20, dtype=tf.int64),
    }


@pytest.fixture(scope="session")
def new_search_model(signals):
    def build(learning_rate=0.1, gamma=1.0, cost=None, space=SPACE, **controls):
        model = SearchModel(
            build_supernet(space, CLASSES, SHAPE, momentum=0.9, seed=2),
            signals,
            cost or ExpectedMacs(SearchProblem(space, CLASSES, SHAPE)),
            attention_size=ATTENTION_SIZE,
            gamma=gamma,
            seed=5,
            **controls,
        )
        model.compile(CoupledSGD(learning_rate, 0.9, 2e-4), architecture_optimizer(0.01))
        return model

    return build


@pytest.fixture
def search_model(new_search_model):
    return new_search_model()
