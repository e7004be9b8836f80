"""`digits:smoke` with a search space of two blocks: for tests that start many runs.

Most of a short run's time is spent in tracing S3's 28 convolutions. As a recipe it makes its space
known to every process that is given it.
"""

from ml_collections import ConfigDict

from rnascl_tf.networks import SEARCH_SPACES, SearchSpace
from rnascl_tf.networks.search_space import StageSpace
from rnascl_tf.recipes.loading import load_recipe

SPACE = SearchSpace("tiny_recipe", (StageSpace((16, 14, 12, 10, 8, 6), 2, 2),))


def get_config(variant: str = "smoke") -> ConfigDict:
    SEARCH_SPACES[SPACE.name] = SPACE
    config = load_recipe(f"digits:{variant}")
    config.search.space = SPACE.name
    config.data.validation_examples = 40  # attacked by PGD-10 after each epoch
    return config
