import dataclasses
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.robustness import outcomes
from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.attack import Attack, Cascade
from rnascl_tf.robustness.attacks.registry import ATTACKS, attack_named
from rnascl_tf.robustness.logits_function import BlackBoxFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

EPSILON = 3 / 255


@dataclasses.dataclass(frozen=True)
class Chosen(Attack):
    """Breaks in each round the images whose first pixel lies below that round's threshold."""

    thresholds: tuple = (0.2, 0.5)

    needs_gradient = False

    def rounds(self, classes):
        return len(self.thresholds)

    def perturb(self, logits, images, labels, threat_model, randomness, attack_round):
        moved = images.copy()
        hit = images[:, 0, 0, 0] < self.thresholds[attack_round]
        moved[hit] = images[hit] + 0.25
        return moved


def brightness_model(images):
    """Class 1 where the last pixel is over 0.75."""
    margin = images[:, -1, -1, -1] - 0.75
    return tf.stack([-margin, margin], axis=1)


@pytest.fixture
def dim_examples():
    images = 0.6 * np.random.default_rng(5).random((23, 5, 7, 3), np.float32)
    images[:, -1, -1, -1] = 0.55
    return images, np.zeros(23, int)


def attacker_of(examples, epsilon=0.25, **settings):
    return Attacker(brightness_model, *examples, ThreatModel(epsilon), **settings)


def test_rounds_attack_what_stands(dim_examples):
    images, _ = dim_examples
    first = images[:, 0, 0, 0]
    seen = []
    attacker = attacker_of(dim_examples, batch_size=5, on_batch=lambda *event: seen.append(event))
    standing = attacker.withstood(Chosen("chosen", 1))
    np.testing.assert_array_equal(standing, first >= 0.5)
    second_round = int((first >= 0.2).sum())
    assert 0 < second_round < 23
    # Five batches of round 0, then fewer of round 1; counts rise to images times rounds.
    counts = [done for name, done, total in seen if name == "chosen" and total == 46]
    assert len(counts) == 5 + -(-second_round // 5)
    assert counts == sorted(counts)
    assert counts[4] == 23
    assert counts[-1] == 46


def test_margins_are_the_smallest_seen(dim_examples):
    attacker = attacker_of(dim_examples)
    attacker.withstood(Chosen("chosen", 1))
    broken = dim_examples[0][:, 0, 0, 0] < 0.5
    # Logits -0.2 and 0.2 before, 0.05 and -0.05 after.
    np.testing.assert_allclose(
        attacker.outcomes["chosen"].margin, np.where(broken, -0.1, 0.4), rtol=1e-5
    )


def test_a_cascade_attacks_what_is_left(dim_examples):
    first = dim_examples[0][:, 0, 0, 0]
    attacker = attacker_of(dim_examples)
    low, high = Chosen("low", 1, (0.3,)), Chosen("high", 1, (0.1, 0.5))
    standing = attacker.withstood(Cascade("both", (low, high)))
    np.testing.assert_array_equal(standing, first >= 0.5)
    np.testing.assert_array_equal(attacker.outcomes["both/low"].standing, first >= 0.3)
    assert np.isinf(attacker.outcomes["both/high"].margin[first < 0.3]).all()


def test_an_attack_that_leaves_the_ball_is_a_defect(dim_examples):
    with pytest.raises(RuntimeError, match=r"chosen left the threat model: distance 0\.25"):
        attacker_of(dim_examples, epsilon=0.2).withstood(Chosen("chosen", 1))


def test_what_a_minimizing_attack_finds_outside_counts_as_withstood(dim_examples):
    class Minimizing(Chosen):
        minimizes = True

    attacker = attacker_of(dim_examples, epsilon=0.2)
    assert attacker.withstood(Minimizing("least", 1)).all()
    np.testing.assert_array_equal(attacker.perturbed(Minimizing("least", 1)), dim_examples[0])


def test_another_attack_of_the_same_name_is_refused_before_any_runs(dim_examples, tmp_path):
    state = {"state": tmp_path / "outcomes.npz", "model_id": "brightness"}
    attacker_of(dim_examples, **state).withstood(Chosen("chosen", 1))
    calls = []
    again = attacker_of(dim_examples, on_batch=lambda *event: calls.append(event), **state)
    with pytest.raises(RobustnessError, match=r"holds chosen as Chosen\(.*0\.5.*this is Chosen"):
        again.check(Chosen("chosen", 1, (0.3,)))
    again.check(Chosen("chosen", 1))
    assert not calls


@pytest.mark.parametrize(
    ("attack", "classes"), [(attack_named("autoattack"), 4), (attack_named("apgd-ce"), 2)]
)
def test_too_few_classes_are_refused_before_any_runs(attack, classes):
    images = np.random.default_rng(0).random((5, 5, 7, 3), np.float32)

    def checked(classes):
        def model(batch):
            return tf.reshape(batch, (-1, 105))[:, :classes] - 0.5

        Attacker(model, images, np.zeros(5, int), ThreatModel(0.1)).check(attack)

    checked(classes)
    if classes > 2:
        with pytest.raises(RobustnessError, match=r"apgd-t needs 4 classes, the model has 3"):
            checked(classes - 1)


def test_a_state_in_no_folder_is_refused_at_once(dim_examples, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RobustnessError, match="is not a folder; give another"):
        attacker_of(dim_examples, state=tmp_path / "file" / "outcomes.npz", model_id="brightness")


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_epsilon_zero_is_the_identity_of_every_attack(norm, examples):
    def four_classes(batch):
        return tf.reshape(batch, (-1, 105))[:, :4] - 0.5

    attacker = Attacker(four_classes, *examples, ThreatModel(0.0, norm))
    for attack in (*ATTACKS.values(), attack_named("pgd3x2")):
        if norm in attack.norms:
            np.testing.assert_array_equal(attacker.perturbed(attack), examples[0])
    assert attacker.perturbed(ATTACKS["pgd20"]).dtype == np.float32


def test_nan_gradients_are_refused_in_one_line():
    def model(images):
        # The root of 0: a finite value with an infinite gradient, times 0 in the difference.
        total = tf.reduce_sum(tf.sqrt(images * 0.0), axis=(1, 2, 3))
        return tf.stack([total, total - 1.0], axis=1)

    images = np.random.default_rng(0).random((5, 5, 7, 3), np.float32)
    attacker = Attacker(model, images, np.zeros(5, int), ThreatModel(0.1))
    with pytest.raises(RobustnessError, match="the gradient is NaN or infinite"):
        attacker.withstood(attack_named("pgd20"))


def test_attacks_that_do_not_fit_are_refused_before_any_runs(dim_examples):
    class OnlyL2(Chosen):
        norms = ("l2",)

    attacker = attacker_of(dim_examples)
    wrong = OnlyL2("cwl2", 1)
    with pytest.raises(RobustnessError, match="cwl2 works in l2, and the norm is linf"):
        attacker.withstood(wrong)
    box = BlackBoxFunction(lambda images: brightness_model(images).numpy())
    boxed = Attacker(box, *dim_examples, ThreatModel(0.25))
    with pytest.raises(RobustnessError, match=r"pgd20 needs gradients.*square and spsa"):
        boxed.withstood(attack_named("pgd20"))
    np.testing.assert_array_equal(
        boxed.withstood(Chosen("chosen", 1)), attacker.withstood(Chosen("chosen", 1))
    )


def test_the_data_sets_class_count_is_compared(dim_examples):
    with pytest.raises(RobustnessError, match="the model has 2 classes, the data set 10"):
        attacker_of(dim_examples, classes=10)
    assert attacker_of(dim_examples, classes=2).classes == 2


def test_a_state_file_needs_a_name_for_a_function(dim_examples, tmp_path):
    with pytest.raises(RobustnessError, match="pass model_id"):
        attacker_of(dim_examples, state=tmp_path / "state.npz")


def test_a_finished_attack_is_not_run_again(linear_model, examples, tmp_path):
    settings = {"state": tmp_path / "state.npz", "model_id": "linear", "batch_size": 5}
    attack = attack_named("pgd5x2")
    first = Attacker(linear_model, *examples, ThreatModel(EPSILON), **settings)
    standing = first.withstood(attack)
    events = []
    again = Attacker(
        linear_model,
        *examples,
        ThreatModel(EPSILON),
        on_batch=lambda *event: events.append(event),
        **settings,
    )
    np.testing.assert_array_equal(again.withstood(attack), standing)
    assert not events


@pytest.mark.parametrize("stop_after", range(1, 13, 2))
def test_a_stopped_evaluation_ends_with_the_same_numbers(
    linear_model, examples, tmp_path, monkeypatch, stop_after
):
    monkeypatch.setattr("rnascl_tf.robustness.outcomes.SECONDS_BETWEEN_SAVES", 0.0)
    attack = attack_named("pgd5x2")
    threat_model = ThreatModel(EPSILON)
    whole = Attacker(linear_model, *examples, threat_model, batch_size=5)
    expected = whole.withstood(attack)
    settings = {"state": tmp_path / "state.npz", "model_id": "linear", "batch_size": 5}
    events = []

    class StopError(Exception):
        pass

    def stop(*event):
        events.append(event)
        if len(events) == stop_after:
            raise StopError

    with pytest.raises(StopError):
        Attacker(linear_model, *examples, threat_model, on_batch=stop, **settings).withstood(attack)
    resumed = []
    attacker = Attacker(
        linear_model,
        *examples,
        threat_model,
        on_batch=lambda *event: resumed.append(event),
        **settings,
    )
    np.testing.assert_array_equal(attacker.withstood(attack), expected)
    np.testing.assert_array_equal(
        attacker.outcomes[attack.name].margin, whole.outcomes[attack.name].margin
    )
    assert not set(events) & set(resumed)


def test_another_model_is_refused_by_its_weights(tmp_path):
    images = np.random.default_rng(0).random((7, 5, 7, 3), np.float32)
    model = keras.Sequential(
        [keras.Input((5, 7, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    labels = model(images).numpy().argmax(axis=1)
    state = tmp_path / "state.npz"
    Attacker(model, images, labels, ThreatModel(0.1), state=state).clean()
    Attacker(model, images, labels, ThreatModel(0.1), state=state).clean()
    with pytest.raises(RobustnessError, match=r"threat model ThreatModel\(epsilon=0.1"):
        Attacker(model, images, labels, ThreatModel(0.2), state=state)
    with pytest.raises(RobustnessError, match="images and labels"):
        Attacker(model, images[::-1], labels[::-1], ThreatModel(0.1), state=state)
    with pytest.raises(RobustnessError, match="seed 0 there, 1 here"):
        Attacker(model, images, labels, ThreatModel(0.1), state=state, seed=1)
    shifted = keras.Sequential(
        [keras.Input((5, 7, 3)), keras.layers.Rescaling(1, -0.5), *model.layers]
    )
    with pytest.raises(RobustnessError, match="state of another evaluation: model"):
        Attacker(shifted, images, labels, ThreatModel(0.1), state=state)
    model.layers[-1].kernel.assign_add(np.full((105, 3), 0.01))
    with pytest.raises(RobustnessError, match="state of another evaluation: model"):
        Attacker(model, images, labels, ThreatModel(0.1), state=state)


KILLED = """
import sys
import numpy as np
from rnascl_tf.runtime import environment
environment.start_faster()
import tensorflow as tf
import rnascl_tf.robustness.outcomes as outcomes
from rnascl_tf.robustness import Attacker, ThreatModel, attack_named

outcomes.SECONDS_BETWEEN_SAVES = 0.0
generator = np.random.default_rng(11)
weights = (generator.normal(size=(105, 5)) / 4).astype("float32")
images = generator.random((211, 5, 7, 3), np.float32)


def model(images):
    return tf.sin(tf.reshape(images, (-1, 105)) @ weights) * 3.0


labels = model(images).numpy().argmax(axis=1)
state = None if sys.argv[1] == "none" else sys.argv[1]
attacker = Attacker(
    model, images, labels, ThreatModel(0.02), batch_size=3, state=state, model_id="sine",
    on_batch=lambda *event: print(*event, flush=True),
)
standing = attacker.withstood(attack_named("pgd20x3"))
np.savez(sys.argv[2], standing=standing, margin=attacker.outcomes["pgd20x3"].margin)
"""


def test_killed_processes_end_with_the_same_numbers(tmp_path, monkeypatch):
    script = tmp_path / "evaluate.py"
    script.write_text(KILLED)
    environment = os.environ | {"PYTHONPATH": str(Path.cwd()), "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, str(script)]
    # What is not killed runs here: a process of its own would import TensorFlow once more.
    monkeypatch.setattr(outcomes, "SECONDS_BETWEEN_SAVES", outcomes.SECONDS_BETWEEN_SAVES)
    state, result = tmp_path / "state.npz", tmp_path / "killed.npz"

    def run_here(*arguments):
        monkeypatch.setattr(sys, "argv", [str(script), *map(str, arguments)])
        runpy.run_path(str(script))

    run_here("none", tmp_path / "whole.npz")
    kills = 0
    for delay in (0.05, 0.2):
        with subprocess.Popen(
            [*command, state, result], stdout=subprocess.PIPE, env=environment, text=True
        ) as process:
            for line in process.stdout:
                if line.startswith("pgd20x3"):
                    time.sleep(delay)
                    process.kill()
                    kills += 1
                    break
            process.communicate()
    assert kills == 2
    run_here(state, result)
    with np.load(tmp_path / "whole.npz") as whole, np.load(result) as killed:
        assert 20 < whole["standing"].sum() < 190
        for name in ("standing", "margin"):
            np.testing.assert_array_equal(killed[name], whole[name])


@pytest.mark.parametrize("name", ["pgd20", "apgd-ce", "apgd-t", "fab-t", "square"])
def test_two_replicas_share_a_batch_and_change_nothing(name, two_replicas):
    # 23 images in batches of 5 become batches of 6.
    strategy = two_replicas
    images = np.random.default_rng(0).random((23, 5, 7, 3), np.float32)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        pixels = keras.Input((5, 7, 3))
        features = keras.layers.BatchNormalization()(keras.layers.Conv2D(7, 3)(pixels))
        features = keras.layers.Flatten()(keras.layers.ReLU()(features))
        model = keras.Model(pixels, keras.layers.Dense(5)(features))
    labels = model(images).numpy().argmax(axis=1)
    attack = dataclasses.replace(attack_named(name), steps=7)
    found = []
    for shared in (None, strategy):
        attacker = Attacker(model, images, labels, ThreatModel(0.02), batch_size=5, strategy=shared)
        assert attacker.folded_batch_norms == 1
        attacker.withstood(attack)
        found.append(attacker.outcomes[name].margin)
    assert abs(found[0][np.isfinite(found[0])]).max() > 0.01
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-5)
