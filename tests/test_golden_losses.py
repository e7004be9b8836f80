"""Three steps of each training give the losses that are stored beside this file.

A change of the numbers must be meant. To store new ones on purpose:

    REWRITE_GOLDEN_LOSSES=1 python -m pytest tests/test_golden_losses.py

and say in the commit why they differ.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from rnascl_tf.networks import SEARCH_SPACES, SearchSpace
from rnascl_tf.networks.search_space import StageSpace
from rnascl_tf.pipeline import execute, select
from rnascl_tf.recipes import robust
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.runs import Run
from rnascl_tf.stages import train_native
from rnascl_tf.training.adversarial import hardening, training_attack

GOLDEN = Path(__file__).with_suffix(".json")

RELATIVE, ABSOLUTE = 1e-5, 3e-6
"""With and without oneDNN, and on CPUs with other vector units, TensorFlow adds the same float32
products in another order. Of losses that moves 1e-7 to 3e-6; of a divergence, which is a difference of
logarithms near 2.3, the seventh decimal: 5e-7 was seen after an attack on it."""

SPACE = SearchSpace("golden", (StageSpace((8, 4), 2, 2), StageSpace((14, 12, 6), 1, 2)))
SMALL_SPACE = SearchSpace("small_golden", (StageSpace((14, 12, 6), 1, 2),))
STEPS = 3
NOT_LOSSES = {"epoch", "seconds", "accuracy", "temperature"}


@pytest.fixture(scope="module")
def config():
    """One batch an epoch, so that the history has the losses of every step."""
    config = load_recipe("digits:smoke")
    config.data.update(dict(train_examples=24, batch_size=24))
    config.search.update(dict(space=SPACE.name, attention_size=5))
    # Large steps: the second and third loss depend on the optimizer, and the teacher has something
    # to say. Smaller ones where an attack follows signs of gradients, which rounding may turn.
    rates = {"search": 0.3, "train": 0.3, "trades": 0.1}
    for section, rate in rates.items():
        config[section].update(dict(epochs=STEPS, learning_rate=rate))
    config.teacher.update(dict(widths=(5, 7), blocks=(1, 1), attack_steps=2, precision="float32"))
    config.teacher.update(
        dict(
            epochs=STEPS, learning_rate=1.0, evaluate_examples=1, patience=None, weight_average=0.0
        )
    )
    config.trades.update(dict(enabled=True, attack_steps=1, attack_step_size=1.0))
    return config


@pytest.fixture(scope="module")
def robust_config(config):
    """The same on attacked images of two views, with all that the robust recipe can do."""
    config = config.copy_and_resolve_references()
    robust(config)
    config.search.space = SMALL_SPACE.name
    config.signals.views = 2
    config.trades.enabled = False
    # The average's labels count from the second epoch on.
    config.train.update(dict(self_distillation=1.0, self_distillation_start=0.3, clean_weight=0.5))
    return config


def all_stages(run):
    execute(run, select(run.config, ["teacher", "search", "train", "trades", "baseline"]))


def students(run):
    execute(run, select(run.config, ["search", "train", "baseline"]))


def losses_of(run):
    """Returns {stage: {loss: one value a step}}."""
    found = {}
    for stage, rows in run.record["history"].items():
        terms = [t for t in rows[0] if t not in NOT_LOSSES and not t.startswith("val_")]
        found[stage] = {term: [row[term] for row in rows] for term in terms}
    return found


@pytest.fixture(scope="module")
def losses(config, robust_config, tmp_path_factory):
    """{training: {loss: one value a step}}."""
    folder = tmp_path_factory.mktemp("golden")
    with pytest.MonkeyPatch.context() as patched:
        for space in (SPACE, SMALL_SPACE):
            patched.setitem(SEARCH_SPACES, space.name, space)
        # At TRADES' own 0.001 the divergence is 1e-6, and the sign of its gradient is rounding.
        patched.setattr(training_attack, "TRADES_START_STD", 0.05)
        # What judges the epochs takes ten times as long, and no loss depends on it.
        patched.setattr(hardening, "VALIDATION_STEPS", 1)
        pgd = Run(config.copy_and_resolve_references(), folder / "pgd")
        all_stages(pgd)
        trades = Run(config.copy_and_resolve_references(), folder / "trades")
        trades.config.teacher.update(dict(adversarial="trades", learning_rate=0.3))
        train_native(trades)
        shutil.copytree(folder / "pgd" / "teacher", folder / "robust" / "teacher")
        attacked = Run(robust_config, folder / "robust")
        attacked.record["teacher"] = pgd.record["teacher"]
        attacked.record["stages"]["teacher"] = pgd.record["stages"]["teacher"]
        students(attacked)
    found = losses_of(pgd)
    found["teacher by pgd"] = found.pop("teacher")
    found["teacher by trades"] = losses_of(trades)["teacher"]
    found |= {f"robust {stage}": terms for stage, terms in losses_of(attacked).items()}
    if os.environ.get("REWRITE_GOLDEN_LOSSES"):
        GOLDEN.write_text(json.dumps(found, indent=2) + "\n")
    return found


def test_every_training_is_stored(losses):
    stored = json.loads(GOLDEN.read_text())
    assert {name: list(terms) for name, terms in losses.items()} == {
        name: list(terms) for name, terms in stored.items()
    }
    assert all(len(values) == STEPS for terms in stored.values() for values in terms.values())


@pytest.mark.parametrize("training", json.loads(GOLDEN.read_text()))
def test_losses_are_those_stored(losses, training):
    for name, values in json.loads(GOLDEN.read_text())[training].items():
        assert losses[training][name] == pytest.approx(values, rel=RELATIVE, abs=ABSOLUTE), name
