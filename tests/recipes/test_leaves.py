"""One walk over configs and over what JSON has made of them."""

import json

import pytest

from rnascl_tf.recipes import base_config, config_leaves, config_value


def test_every_value_has_its_key_with_dots_in_order():
    keys = [key for key, _ in config_leaves({"seed": 1, "data": {"name": "a", "deep": {"x": ()}}})]
    assert keys == ["seed", "data.name", "data.deep.x"]


def test_a_config_and_its_json_have_the_same_keys():
    config = base_config()
    read = json.loads(config.to_json_best_effort())
    assert dict(config_leaves(config)).keys() == dict(config_leaves(read)).keys()


@pytest.mark.parametrize(("key", "value"), [("seed", 0), ("search.space", "S3")])
def test_a_value_is_found_by_its_key(key, value):
    assert config_value(base_config(), key) == value
