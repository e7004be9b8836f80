"""Checks of a config's values, before any work; `ml_collections` has checked names and types.

What a stage's own section may hold is checked in the stage's file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import logging
from ml_collections import ConfigDict

from rnascl_tf.data import DATASETS
from rnascl_tf.errors import UserError
from rnascl_tf.networks import SEARCH_SPACES
from rnascl_tf.recipes import config_value, rules
from rnascl_tf.recipes.choices import CHOICES
from rnascl_tf.recipes.rules import AT_LEAST_0, Rule, check_choice, check_writable
from rnascl_tf.runs import threat_model_of
from rnascl_tf.stages import STAGES

if TYPE_CHECKING:
    from rnascl_tf.data import DataSet

_SMALLEST_BATCH = 3
"""Below it the 20% part of a batch, on which the architecture learns, would be empty."""

_RULES = {
    "seed": AT_LEAST_0,
    "data.batch_size": Rule(lambda size: size >= _SMALLEST_BATCH, f"{_SMALLEST_BATCH} or more"),
    "data.crop_padding": AT_LEAST_0,
    "signals.views": AT_LEAST_0,
}


def check(config: ConfigDict) -> None:
    """Raises UserError at the first value that cannot be used, naming its key.

    Lists of names may come as one text with commas; they are split here.
    """
    check_values(config)
    check_stages(config)


def check_values(config: ConfigDict) -> None:
    """Raises UserError at a value that can be refused without TensorFlow: a wrong name, for most."""
    rules.check_values(config, _RULES)
    registries = {"data.name": DATASETS, "search.space": tuple(SEARCH_SPACES)}
    for key, choices in {**CHOICES, **registries}.items():
        value = config_value(config, key)
        if not isinstance(value, tuple):  # the entries of lists are checked where they are split
            check_choice(key, value, choices)
    _check_threat(config)
    check_writable("signals.store", config.signals.store)
    _check_views(config)


def check_stages(*configs: ConfigDict) -> None:
    """Raises UserError at a value that a stage refuses.

    The first stages' checks need no TensorFlow, so that each is made for all configs before the next.
    """
    for stage in STAGES.values():
        for config in configs:
            stage.check(config)


def _check_threat(config: ConfigDict) -> None:
    threat_model_of(config)  # refuses what is not an epsilon or a norm
    threat = config.threat
    if threat.norm == "l2" and "/255" in str(threat.epsilon):
        logging.warning(
            "--config.threat.epsilon=%s is small for L2, which sums the squares of all changes; 0.5 is "
            "usual for images of 32x32",
            threat.epsilon,
        )


def _check_views(config: ConfigDict) -> None:
    """Refuses several views of images that are always the same."""
    data, views = config.data, config.signals.views
    if views > 1 and not (data.crop_padding or data.resized_crop or data.flip):
        raise UserError(
            f"--config.signals.views={views}, but images that are neither cropped nor mirrored have "
            "one view: give 1, or --config.data.crop_padding or --config.data.flip."
        )


def check_replicas(config: ConfigDict, replicas: int) -> None:
    """Raises UserError where a training batch cannot be shared equally by the replicas."""
    size = config.data.batch_size
    if size % replicas or size // replicas < _SMALLEST_BATCH:
        below = max(size - size % replicas, _SMALLEST_BATCH * replicas)
        raise UserError(
            f"--config.data.batch_size={size} does not divide by {replicas} replicas into parts of "
            f"{_SMALLEST_BATCH} or more: give {below}"
            + (f" or {below + replicas}" if below < size else "")
            + ", or take one device, --strategy=one_device."
        )


def check_data(config: ConfigDict, dataset: DataSet) -> None:
    """Raises UserError where the config asks for what the data set does not have."""
    counts = {"data.batch_size": "train"}
    for stage in STAGES.values():
        counts |= stage.counts
    splits = {"train": "training", "validation": "validation", "test": "test"}
    too_many = [
        (key, len(getattr(dataset, split)), splits[split])
        for key, split in counts.items()
        if config_value(config, key) > len(getattr(dataset, split))
    ]
    if too_many:
        wishes = " ".join(f"--config.{key}={config_value(config, key)}" for key, _, _ in too_many)
        limits = " ".join(f"--config.{key}={available}" for key, available, _ in too_many)
        found = " and ".join(dict.fromkeys(f"{n} {split}" for _, n, split in too_many))
        raise UserError(
            f"{wishes}, but {dataset.name} has {found} images here: give at most {limits}."
        )
    for stage in STAGES.values():
        stage.check_data(config, dataset)
