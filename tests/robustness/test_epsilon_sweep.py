"""Sweeps: exact curves of a linear model, what is carried over and what not, and the CSV."""

import csv
import json
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnascl_tf.robustness.accuracy import Accuracy
from rnascl_tf.robustness.attacks.attack import Cascade
from rnascl_tf.robustness.attacks.registry import ATTACKS
from rnascl_tf.robustness.epsilon_sweep import EPSILONS, default_epsilons, sweep
from rnascl_tf.robustness.evaluation import evaluate
from rnascl_tf.robustness.logits_function import logits_function
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

LINF = ThreatModel(0.1)


class Bump:
    """Class 1 only where the mean pixel lies between 0.55 and 0.65: a large step jumps over it."""

    def __call__(self, images):
        mean = tf.reduce_mean(images, axis=(1, 2, 3))
        other = 1.0 - tf.square((mean - 0.6) / 0.05)
        return tf.stack([tf.zeros_like(other), other], axis=1)


@pytest.fixture
def before_the_bump():
    """19 images of class 0 whose means lie between 0.46 and 0.54."""
    images = np.random.default_rng(2).uniform(0.45, 0.55, (19, 5, 7, 3))
    images += np.linspace(-0.03, 0.03, 19)[:, None, None, None]
    return images.astype(np.float32), np.zeros(19, np.int64)


# The fixtures hold no state that an example could change.
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(epsilons=st.lists(st.integers(0, 100), min_size=1, max_size=4, unique=True))
def test_exact_on_a_linear_model_at_any_epsilons(epsilons, linear_model, examples):
    images, labels = examples
    epsilons = [epsilon / 1000 for epsilon in epsilons]
    result = sweep({"line": linear_model}, images, labels, LINF, epsilons=epsilons)
    assert result.models == ["line"]
    assert result.attacks == ["fgsm", "pgd20"]
    for attack in result.attacks:
        curve = result.curve("line", attack)
        assert [row.epsilon for row in curve] == sorted(epsilons)
        for row in curve:
            standing = linear_model.withstands(images, labels, row.epsilon)
            assert row.accuracy == Accuracy(standing.sum(), 23)


def test_default_epsilons_are_those_of_the_figures(uncalled_linear_model, examples):
    images, labels = examples
    of_the_figures = (0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1)
    assert default_epsilons(LINF) == EPSILONS == of_the_figures
    result = sweep({"line": uncalled_linear_model}, images, labels, LINF)
    assert [row.epsilon for row in result.curve("line", "pgd20")] == list(EPSILONS)
    # All epsilons through one graph per attack.
    assert set(logits_function(uncalled_linear_model).traces.values()) == {1}
    assert len(logits_function(uncalled_linear_model).traces) == 2


def test_default_epsilons_in_l2_reach_twice_the_threat_models_own(linear_model, examples):
    epsilons = default_epsilons(ThreatModel(0.25, norm="l2"))
    assert epsilons == pytest.approx([step / 20 for step in range(11)])
    assert default_epsilons(ThreatModel(0.0, norm="l2")) == (0.0,)
    threat_model = ThreatModel(0.06, norm="l2")
    result = sweep({"line": linear_model}, *examples, threat_model, attacks=["fgsm"])
    records = evaluate(linear_model, *examples, threat_model, ["fgsm"])
    assert result.rows[5].epsilon == 0.06
    assert result.rows[5].accuracy.value == records["fgsm"]["accuracy"]
    assert result.rows[0].accuracy.correct == 21 > result.rows[10].accuracy.correct


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.2, 0.9)])
def test_afresh_it_is_what_evaluate_says(norm, bounds, linear_model, examples):
    images, labels = examples
    images = np.clip(images, *(np.float32(bound) for bound in bounds))
    epsilon = 0.02 if norm == "linf" else 0.11
    threat_model = ThreatModel(epsilon, norm, tuple(float(np.float32(bound)) for bound in bounds))
    attacks = ["fgsm", "pgd20", "pgd3x2"]
    records = evaluate(linear_model, images, labels, threat_model, attacks, seed=5)
    result = sweep(
        {"line": linear_model},
        images,
        labels,
        ThreatModel(0.0, norm, threat_model.bounds),
        epsilons=[epsilon / 2, epsilon, 2 * epsilon],
        attacks=attacks,
        carry_over=False,
        seed=5,
    )
    for attack in attacks:
        row = result.curve("line", attack)[1]
        assert row.accuracy.to_json().items() <= records[attack].items()
        assert row.carried == 0
    assert 0 < records["fgsm"]["accuracy"] < 1
    assert (result.norm, result.space, result.seed) == (norm, "pixel", 5)


def test_fgsm_may_rise_with_epsilon_and_pgd_may_not(before_the_bump):
    images, labels = before_the_bump
    epsilons = [0.0, 0.1, 0.3]
    result = sweep({"bump": Bump()}, images, labels, LINF, epsilons=epsilons)
    # Steps of 0.1 end in the bump, those of 0.3 beyond it.
    assert [row.accuracy.value for row in result.curve("bump", "fgsm")] == [1.0, 0.0, 1.0]
    assert [row.accuracy.value for row in result.curve("bump", "pgd20")] == [1.0, 0.0, 0.0]
    assert [row.carried for row in result.curve("bump", "fgsm")] == [0, 0, 0]
    assert [row.carried for row in result.curve("bump", "pgd20")] == [0, 0, 19]


def test_broken_images_are_not_attacked_again(linear_model, examples):
    images, labels = examples
    attacked = {}

    def count(attack, done, total):
        attacked[attack] = (done, total)

    epsilons = [0.0, 0.01, 0.02, 0.06]
    result = sweep({"line": linear_model}, images, labels, LINF, epsilons=epsilons, on_batch=count)
    pgd, clean = result.curve("line", "pgd20"), 21
    standing = [row.accuracy.correct for row in pgd]
    assert [row.carried for row in pgd] == [0, 0, clean - standing[1], clean - standing[2]]
    assert clean > standing[1] > standing[2] > 0
    assert attacked["line: pgd20 at 0.06"] == (standing[2], standing[2])
    assert attacked["line: pgd20 at 0.02"] == (standing[1], standing[1])
    assert attacked["line: fgsm at 0.06"] == (clean, clean)
    assert not any(name.endswith("20 at 0") for name in attacked)


def test_carrying_over_is_no_weaker_and_independent_of_the_batches(before_the_bump):
    images, labels = before_the_bump
    model = Bump()
    settings = {"epsilons": [0.04, 0.06, 0.08, 0.3], "attacks": ["pgd3", "pgd2x2"], "seed": 3}
    alone = sweep({"bump": model}, images, labels, LINF, **settings, carry_over=False)
    carried = sweep({"bump": model}, images, labels, LINF, **settings)
    again = sweep({"bump": model}, images, labels, LINF, **settings, batch_size=5)
    assert carried == again
    assert 0 < carried.rows[1].accuracy.value < 1
    for with_carry, without in zip(carried.rows, alone.rows, strict=True):
        assert with_carry.accuracy.correct <= without.accuracy.correct
    for attack in carried.attacks:
        accuracies = [row.accuracy.correct for row in carried.curve("bump", attack)]
        assert accuracies == sorted(accuracies, reverse=True)


def test_cascades_carry_over(linear_model, examples, monkeypatch):
    images, labels = examples
    both = Cascade("both", (ATTACKS["fgsm"], ATTACKS["cw"]))
    module = "rnascl_tf.robustness.attacks.both"
    monkeypatch.setitem(sys.modules, module, types.SimpleNamespace(BOTH=both))
    monkeypatch.setitem(ATTACKS.places, "both", "both:BOTH")
    epsilons = [0.01, 0.03]
    attacked = set()
    result = sweep(
        {"line": linear_model},
        images,
        labels,
        LINF,
        epsilons=epsilons,
        attacks=["both"],
        on_batch=lambda attack, done, total: attacked.add((attack, total)),
    )
    standing = [int(linear_model.withstands(images, labels, epsilon).sum()) for epsilon in epsilons]
    assert [row.accuracy.correct for row in result.rows] == standing
    assert [row.carried for row in result.rows] == [0, 21 - standing[0]]
    assert ("line: both/fgsm at 0.03", standing[0]) in attacked
    assert ("line: both/cw at 0.03", standing[1]) in attacked


def test_a_stopped_sweep_goes_on_and_ends_the_same(linear_model, examples, tmp_path):
    settings = {"epsilons": [0.01, 0.03], "batch_size": 5}
    kept = {"state": tmp_path / "sweep", "model_ids": {"a/b": "linear"}}
    whole = sweep({"a/b": linear_model}, *examples, ThreatModel(0.03), **settings)

    def stop(name, done, total):
        if name == "a/b: pgd20 at 0.03" and done > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(
            {"a/b": linear_model}, *examples, ThreatModel(0.03), on_batch=stop, **settings, **kept
        )
    seen = []
    again = sweep(
        {"a/b": linear_model},
        *examples,
        ThreatModel(0.03),
        on_batch=lambda name, *_: seen.append(name),
        **settings,
        **kept,
    )
    assert again == whole
    assert set(seen) == {"a/b: pgd20 at 0.03"}


def test_csv_reads_back_as_it_was(linear_model, examples, tmp_path):
    images, labels = examples
    models = {"student": linear_model, 'with, "commas"': linear_model}
    result = sweep(models, images, labels, LINF, epsilons=["8/255", 0], attacks=["fgsm"], seed=2)
    path = tmp_path / "sweep.csv"
    result.write_csv(path)
    result.write_csv(path)
    assert [file.name for file in tmp_path.iterdir()] == ["sweep.csv"]
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["student"] * 2 + ['with, "commas"'] * 2
    for read, row in zip(rows, result.rows, strict=True):
        low, high = row.accuracy.interval
        written = {"epsilon": row.epsilon, "accuracy": row.accuracy.value, "low": low, "high": high}
        for name, value in written.items():
            assert float(read[name]) == value
        assert (read["attack"], read["n"], read["carried"]) == ("fgsm", "23", "0")
        assert (read["norm"], read["space"], read["seed"]) == ("linf", "pixel", "2")
    assert result.rows[1].epsilon == 8 / 255
    assert json.loads(json.dumps(result.to_json()))[1]["epsilon"] == 8 / 255


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": {}}, "at least one"),
        ({"models": [Bump()]}, "name: model"),
        ({"epsilons": []}, "no epsilon"),
        ({"epsilons": "0.1"}, "list of numbers"),
        ({"epsilons": [0.1, 0.1]}, "repeated"),
        ({"epsilons": [8]}, "8/255"),
        ({"epsilons": [-0.1]}, "at least 0"),
        ({"attacks": ["fgms"]}, "did you mean fgsm"),
        ({"attacks": ["clean"]}, "epsilon 0"),
        ({"attacks": ["fgsm", "fgsm"]}, "repeated"),
        ({"attacks": "fgsm"}, "list of names"),
    ],
)
def test_refusals(change, message, before_the_bump):
    images, labels = before_the_bump
    arguments = {"models": {"bump": Bump()}, "epsilons": [0.0], **change}
    models = arguments.pop("models")
    with pytest.raises(RobustnessError, match=message) as refusal:
        sweep(models, images, labels, LINF, **arguments)
    assert "\n" not in str(refusal.value)


def test_a_bad_model_is_refused_before_any_is_attacked(linear_model, examples):
    images, labels = examples
    reports = []

    def softmax(images):
        return tf.nn.softmax(linear_model(images))

    with pytest.raises(RobustnessError, match="probabilities"):
        sweep(
            {"line": linear_model, "soft": softmax},
            images,
            labels,
            LINF,
            on_batch=lambda *report: reports.append(report),
        )
    assert not reports
