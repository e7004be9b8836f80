"""The search step: who is updated by which part of the batch, and that everything learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.networks import channel_masks
from rnascl_tf.objectives import (
    attention_loss,
    cross_entropy,
    distillation_loss,
    smoothed_labels,
)
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training import fixed_tutors, hardening_of, one_hot_tutors


def values(variables):
    return [variable.numpy().copy() for variable in variables]


def moved(before, variables):
    return [
        not np.array_equal(old, new.numpy()) for old, new in zip(before, variables, strict=True)
    ]


def test_weight_and_architecture_variables_are_disjoint_and_cover_everything(search_model):
    weights = {id(v) for v in search_model.weight_variables}
    architecture = {id(v) for v in search_model.architecture_variables}
    assert not weights & architecture
    assert weights | architecture == {id(v) for v in search_model.trainable_variables}
    assert len(architecture) == 3 + 1
    assert len(weights) == 10 * 4 + 2


def test_every_gumbel_parameter_has_a_gradient(search_model, batch):
    with tf.GradientTape() as tape:
        terms, _, _ = search_model.loss_terms(batch, search_model.signals(batch))
    variables = search_model.architecture_variables
    for variable, gradient in zip(
        variables, tape.gradient(terms.loss, [v.value for v in variables]), strict=True
    ):
        assert (np.abs(gradient) > 0).all(), variable.path


def test_attention_alone_gives_every_tutor_a_gradient(search_model, batch):
    """In the authors' released code it gives none; the paper's eq. 1 does."""
    with tf.GradientTape() as tape:
        terms, _, _ = search_model.loss_terms(batch, search_model.signals(batch))
    gradient = tape.gradient(terms.attention, search_model.tutors.logits.value)
    assert gradient.shape == (10, 5)
    assert (np.abs(gradient) > 0).all()


def test_cost_alone_gives_every_filter_parameter_a_gradient(search_model, batch):
    with tf.GradientTape() as tape:
        terms, _, _ = search_model.loss_terms(batch, search_model.signals(batch))
    filters = [mask.gumbel.logits.value for mask in channel_masks(search_model.supernet)]
    for gradient in tape.gradient(terms.cost_factor, filters):
        assert (np.abs(gradient) > 0).all()


def test_one_step_moves_both_lists(search_model, batch):
    weights, architecture = search_model.weight_variables, search_model.architecture_variables
    before = values(weights), values(architecture)
    logs = search_model.train_step(batch)
    assert all(moved(before[0], weights))
    assert all(moved(before[1], architecture))
    assert {"loss", "cross_entropy", "divergence", "attention", "temperature"} < logs.keys()
    assert {"tutor_entropy", "expected_macs", "accuracy", "cost_factor"} < logs.keys()
    assert np.isfinite(float(logs["architecture_loss"]))


class Time:
    """Prices milliseconds, a thousandth of another model's multiply-adds."""

    unit = "ms"

    def __init__(self, inner):
        self.inner = inner

    def __call__(self, gates):
        price = self.inner(gates)
        return price._replace(expected_cost=price.expected_macs / 1000.0)


def test_a_search_that_is_priced_in_time_logs_it(new_search_model, batch):
    plain = new_search_model()
    assert "expected_ms" not in plain.train_step(batch)
    logs = new_search_model(cost=Time(plain.cost)).train_step(batch)
    expected = float(logs["expected_macs"]) / 1000.0
    assert float(logs["expected_ms"]) == pytest.approx(expected, rel=1e-6)


def poisoned(batch, part):
    images = batch["image"].numpy()
    images[part] = np.nan
    return {**batch, "image": tf.constant(images)}


def test_weights_learn_from_the_first_80_percent_alone(search_model, batch):
    search_model.train_step(poisoned(batch, slice(16, 20)))
    assert all(np.isfinite(v.numpy()).all() for v in search_model.weight_variables)
    assert not all(np.isfinite(v.numpy()).all() for v in search_model.architecture_variables)


def test_architecture_learns_from_the_last_20_percent_alone(new_search_model, batch):
    """Weights that stand still (rate 0) keep the first part from reaching the second step."""
    labels = batch["label"].numpy()
    first, last = labels.copy(), labels.copy()
    first[:16] = (first[:16] + 1) % 7
    last[16:] = (last[16:] + 1) % 7
    reached = []
    for changed in (labels, first, last):
        model = new_search_model(learning_rate=0.0)
        model.train_step({**batch, "label": tf.constant(changed)})
        reached.append(values(model.architecture_variables))
    for original, after_first in zip(reached[0], reached[1], strict=True):
        np.testing.assert_array_equal(original, after_first)
    assert any(
        not np.array_equal(original, after_last)
        for original, after_last in zip(reached[0], reached[2], strict=True)
    )


def test_the_architecture_step_leaves_moving_statistics_alone(search_model, batch):
    """They move once in a step, by the first 16 images and not by the last 4."""
    layer = search_model.supernet.get_layer("stem_bn")
    stem = keras.Model(
        search_model.supernet.input, search_model.supernet.get_layer("stem_conv").output
    )
    features = stem(batch["image"][:16]).numpy().astype("float64")
    search_model.train_step(batch)
    np.testing.assert_allclose(
        layer.moving_mean, 0.1 * features.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-6
    )


def test_one_forward_pass_makes_masks_maps_and_cost(search_model, batch):
    """The price is that of the gates which masked this very pass, and there is only one pass."""
    passes = []
    supernet = search_model.supernet

    class Watched:
        """The supernet, with every pass's outputs kept."""

        def __call__(self, images, training):
            passes.append(supernet(images, training=training))
            return passes[-1]

        def __getattr__(self, name):
            return getattr(supernet, name)

    object.__setattr__(search_model, "supernet", Watched())
    terms, logits, price = search_model.loss_terms(batch, search_model.signals(batch))
    macs = price.expected_macs
    (outputs,) = passes
    np.testing.assert_array_equal(outputs["logits"], logits)
    expected = search_model.cost(outputs["gates"]).expected_macs
    assert float(macs) == float(expected)
    factor = np.log(float(macs)) / np.log(search_model.cost.reference_macs)
    assert float(terms.cost_factor) == pytest.approx(factor, rel=1e-5)


def test_temperature_reaches_every_selector(search_model):
    search_model.set_temperature(0.25)
    selectors = [mask.gumbel for mask in channel_masks(search_model.supernet)]
    assert [float(s.temperature) for s in (*selectors, search_model.tutors)] == [0.25] * 4


def test_validation_is_deterministic_and_changes_nothing(search_model, batch):
    before = values(search_model.variables[: len(search_model.supernet.variables)])
    first = {k: float(v) for k, v in search_model.test_step(batch).items()}
    for metric in search_model.metrics:
        metric.reset_state()
    assert {k: float(v) for k, v in search_model.test_step(batch).items()} == first
    assert not any(moved(before, search_model.variables[: len(before)]))


def test_learns(search_model, batch):
    step = tf.function(search_model.train_step, autograph=False)
    losses = []
    for _ in range(20):
        for metric in search_model.metrics:
            metric.reset_state()
        losses.append(float(step(batch)["cross_entropy"]))
    assert min(losses[-5:]) < losses[0] / 2


def test_fixed_tutors_are_not_searched_and_enter_eq_1_as_they_are(new_search_model, signals, batch):
    names = new_search_model().student_layers
    tutors = fixed_tutors("reversed", names, signals.teacher_layers, 0)
    model = new_search_model(gamma=7.0, tutors=tutors)
    assert len(model.architecture_variables) == 3, "one vector for each block's filters"
    model.set_temperature(1e6)  # the noise vanishes: two forward passes see the same masks
    terms, _, _ = model.loss_terms(batch, signals(batch))
    maps = model.attention_maps(list(model(batch["image"], training=True)["taps"].values()))
    one_hot = one_hot_tutors(names, signals.teacher_layers, tutors)
    wanted = attention_loss(maps, signals(batch).maps, tf.constant(one_hot))
    assert float(terms.attention) == pytest.approx(float(wanted), rel=1e-4)
    assert "tutor_entropy" not in model.train_step(batch)


def test_without_both_terms_eq_2_is_the_priced_cross_entropy(new_search_model, signals, batch):
    model = new_search_model(tutors=None, kl=False)
    terms, _, _ = model.loss_terms(batch, signals(batch))
    wanted = float(terms.cross_entropy) * float(terms.cost_factor)
    assert float(terms.loss) == pytest.approx(wanted, rel=1e-6)
    logged = model.train_step(batch).keys()
    assert not {"divergence", "attention", "tutor_entropy"} & logged


def hardening(attack, smoothing=0.0):
    settings = {"attack": attack, "attack_steps": 2, "attack_step_size": 0.5, "beta": 3.0}
    return hardening_of(settings | {"label_smoothing": smoothing}, ThreatModel(0.05), seed=3)


@pytest.mark.parametrize("attack", ["n_fgsm", "trades"])
def test_both_steps_train_on_images_attacked_before_either(new_search_model, batch, attack):
    model = new_search_model(hardening=hardening(attack))
    wanted = new_search_model(hardening=hardening(attack)).attacked(batch)["attacked"]
    assert np.abs(wanted - batch["image"]).max() > 0.03
    seen = []
    loss_terms = model.loss_terms

    def watched(part, signals):
        seen.append((part, signals))
        return loss_terms(part, signals)

    model.loss_terms = watched
    logs = model.train_step(batch)
    (weights, taught), (architecture, _) = seen
    found = np.concatenate([weights["attacked"], architecture["attacked"]])
    assert len(weights["attacked"]) == 16
    # A pixel whose gradient is nearly 0 may step the other way in another graph.
    assert np.mean(np.abs(found - wanted) > 1e-6) < 0.01
    # The teacher is asked for the clean images.
    clean = model.signals(batch).logits[:16]
    np.testing.assert_allclose(taught.logits, clean, rtol=1e-5, atol=1e-6)
    assert ("adversarial_divergence" in logs) == (attack == "trades")


@pytest.mark.parametrize("kl_first", ["student", "teacher"])
def test_eq_2_on_attacked_images(new_search_model, signals, batch, kl_first):
    model = new_search_model(gamma=7.0, kl_first=kl_first, hardening=hardening("fgsm_rs", 0.2))
    model.set_temperature(1e6)  # the noise vanishes: two forward passes see the same masks
    attacked = model.attacked(batch)
    terms, logits, price = model.loss_terms(attacked, signals(batch))
    outputs = model(attacked["attacked"], training=True)
    np.testing.assert_allclose(logits, outputs["logits"], rtol=1e-4, atol=1e-5)
    wanted = distillation_loss(
        cross_entropy(smoothed_labels(batch["label"], 7, 0.2), outputs["logits"]),
        outputs["logits"],
        model.attention_maps(list(outputs["taps"].values())),
        signals(batch).logits,
        signals(batch).maps,
        tutor_weights=model.tutors(training=True),
        gamma=7.0,
        kl_first=kl_first,
        cost_factor=price.factor,
    )
    for name in ("loss", "cross_entropy", "divergence", "attention"):
        assert float(getattr(terms, name)) == pytest.approx(float(getattr(wanted, name)), rel=1e-4)
    clean = model.loss_terms(batch | {"attacked": batch["image"]}, signals(batch))[0]
    assert abs(float(clean.cross_entropy) - float(terms.cross_entropy)) > 1e-4


def test_trades_in_the_search_shows_clean_and_attacked_images_to_the_same_masks(
    new_search_model, signals, batch
):
    model = new_search_model(hardening=hardening("trades"))
    passes = []
    supernet = model.supernet

    class Watched:
        output = supernet.output

        def __call__(self, images, training):
            passes.append(images)
            return supernet(images, training=training)

    attacked = model.attacked(batch)
    object.__setattr__(model, "supernet", Watched())
    terms, logits, _ = model.loss_terms(attacked, signals(batch))
    (images,) = passes
    np.testing.assert_array_equal(images[:20], batch["image"])
    np.testing.assert_array_equal(images[20:], attacked["attacked"])
    assert logits.shape == (20, 7)
    divergence = float(model.means["adversarial_divergence"].result())
    assert divergence > 0
    rest = float(terms.cross_entropy + 3.0 * divergence + terms.divergence + terms.attention)
    assert float(terms.loss) == pytest.approx(float(terms.cost_factor) * rest, rel=1e-4)


def test_the_inner_attack_is_on_the_most_probable_student(new_search_model, batch):
    model = new_search_model(hardening=hardening("n_fgsm"))
    before = values(model.supernet.variables)
    first, second = (
        new_search_model(hardening=hardening("n_fgsm")).attacked(batch)["attacked"]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    model.attacked(batch)
    assert not any(moved(before, model.supernet.variables)), "nothing random, no statistics"


def test_the_random_starts_are_part_of_the_searches_state(new_search_model):
    plain, attacked = new_search_model(), new_search_model(hardening=hardening("n_fgsm"))
    assert len(attacked.variables) == len(plain.variables) + 1
