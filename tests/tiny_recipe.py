"""`digits:smoke` with a search space of two blocks: for tests that start many runs.

Most of a short run's time is spent in tracing S3's 28 convolutions. A recipe is executed by every
process that is given it, so the space is known there too.
"""

from rnascl_tf.networks import SEARCH_SPACES, SearchSpace
from rnascl_tf.networks.search_space import StageSpace
from rnascl_tf.recipes.loading import load_recipe

SPACE = SearchSpace("tiny_recipe", (StageSpace((14, 12, 6), 2, 2),))
SEARCH_SPACES[SPACE.name] = SPACE


def get_config():
    config = load_recipe("digits:smoke")
    config.search.space = SPACE.name
    return config
