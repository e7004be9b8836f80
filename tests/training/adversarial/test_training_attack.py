import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel
from rnascl_tf.training.adversarial.training_attack import (
    TRADES_START_STD,
    TrainingAttack,
    projected_gradient,
)

EPSILON = 8 / 255
STEP = 2 / 255


def batch_norm_model():
    return keras.Sequential(
        [
            keras.Input((5, 7, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.5),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("epsilon", [EPSILON, 0.3])
def test_exact_answer_on_a_linear_model(compiled, epsilon, linear_model, examples):
    images, labels = examples
    seed_generator = keras.random.SeedGenerator(5)

    def attack(images, labels):
        return projected_gradient(
            linear_model,
            images,
            labels,
            ThreatModel(epsilon),
            9,
            epsilon / 4,
            seed_generator=seed_generator,
        )

    run = tf.function(attack) if compiled else attack
    adversarial = run(tf.constant(images), tf.constant(labels)).numpy()
    assert abs(adversarial.astype(np.float64) - images).max() <= epsilon
    # Two units in the last place below 1, from rounding inwards.
    np.testing.assert_allclose(
        adversarial, linear_model.best_attack(images, labels, epsilon), rtol=0, atol=1.2e-7
    )


def by_hand(images, labels, start, first, second, epsilon, steps, step_size):
    """L2 steps on logits = tanh(x W) V in float64; images [n, pixels]."""
    points = start.astype(np.float64)
    for _ in range(steps):
        hidden = np.tanh(points @ first)
        logits = hidden @ second
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        wrong = exponents / exponents.sum(axis=1, keepdims=True)
        wrong[np.arange(len(labels)), labels] -= 1.0
        gradient = ((wrong @ second.T) * (1.0 - hidden**2)) @ first.T
        points = points + step_size * gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
        change = points - images
        length = np.linalg.norm(change, axis=1, keepdims=True)
        points = np.clip(images + change * np.minimum(1.0, epsilon / length), 0.0, 1.0)
    return points


@pytest.mark.parametrize("epsilon", [0.3, 1.7])
def test_l2_steps_are_those_of_float64(epsilon):
    generator = np.random.default_rng(3)
    images = generator.random((11, 5, 7, 3)).astype(np.float32)
    labels = generator.integers(0, 4, 11)
    first, second = generator.normal(size=(105, 13)) / 4, generator.normal(size=(13, 4))

    def model(images):
        hidden = tf.tanh(tf.reshape(images, (-1, 105)) @ tf.constant(first, tf.float32))
        return hidden @ tf.constant(second, tf.float32)

    def attack(steps, step_size):
        return projected_gradient(
            model,
            images,
            labels,
            ThreatModel(epsilon, norm="l2"),
            steps,
            step_size,
            seed_generator=keras.random.SeedGenerator(5),
        ).numpy()

    # A step too small to matter gives the start.
    start = attack(1, 1e-9).reshape(11, 105)
    flat = images.reshape(11, 105).astype(np.float64)
    wanted = by_hand(flat, labels, start, first, second, epsilon, 7, epsilon / 4)
    np.testing.assert_allclose(attack(7, epsilon / 4).reshape(11, 105), wanted, rtol=0, atol=2e-5)
    # At the surface, except for what the pixel bounds cut off.
    assert np.linalg.norm(wanted - flat, axis=1).min() > 0.95 * epsilon


@given(
    seed=st.integers(0, 10**6),
    epsilon=st.floats(1e-3, 5.0),
    fraction=st.floats(0.01, 3.0),
    deviation=st.none() | st.floats(0.0, 0.5),
)
@settings(max_examples=25, deadline=None)
def test_l2_images_stay_in_the_ball(seed, epsilon, fraction, deviation):
    generator = np.random.default_rng(seed)
    images = generator.random((3, 5, 7, 2)).astype(np.float32)
    # Some pixels at the bounds, where clipping takes part.
    images[generator.random(images.shape) < 0.2] = 1.0
    kernel = tf.constant(generator.normal(size=(70, 3)), tf.float32)
    threat_model = ThreatModel(epsilon, norm="l2")
    adversarial = projected_gradient(
        lambda images: tf.reshape(images, (-1, 70)) @ kernel,
        images,
        np.array([0, 1, 2]),
        threat_model,
        3,
        fraction * epsilon,
        start_std=deviation,
        seed_generator=keras.random.SeedGenerator(seed),
    ).numpy()
    assert (threat_model.distances(adversarial, images) <= epsilon).all()
    assert adversarial.min() >= 0.0
    assert adversarial.max() <= 1.0


def test_l2_start_is_uniform_in_the_ball():
    images = np.full((211, 2, 1, 1), 0.5, np.float32)
    start = projected_gradient(
        lambda images: tf.reshape(images, (-1, 2)),
        images,
        np.zeros(211, np.int64),
        ThreatModel(0.3, norm="l2"),
        1,
        1e-9,
        seed_generator=keras.random.SeedGenerator(5),
    )
    radii = np.linalg.norm((start.numpy() - images).reshape(211, 2), axis=1) / 0.3
    # Of a disc: r^2 is uniform in [0, 1]; standard errors of mean and deviation 0.02 and 0.01.
    assert (radii**2).mean() == pytest.approx(0.5, abs=0.08)
    assert (radii**2).std() == pytest.approx(12**-0.5, abs=0.05)
    assert radii.max() <= 1.0


def test_one_step_is_traced_whatever_the_number(uncalled_linear_model, examples):
    seed_generator = keras.random.SeedGenerator(5)

    @tf.function
    def attack(images, labels):
        return projected_gradient(
            uncalled_linear_model,
            images,
            labels,
            ThreatModel(EPSILON),
            50,
            STEP,
            seed_generator=seed_generator,
        )

    attack(*map(tf.constant, examples))
    assert uncalled_linear_model.calls == 1


def test_number_of_steps_as_a_tensor_does_not_retrace(uncalled_linear_model, examples):
    images, labels = map(tf.constant, examples)
    seed_generator = keras.random.SeedGenerator(5)
    threat_model = ThreatModel(0.5)

    @tf.function
    def attack(steps):
        return projected_gradient(
            uncalled_linear_model,
            images,
            labels,
            threat_model,
            steps,
            0.01,
            seed_generator=seed_generator,
        )

    changes = []
    for steps in (1, 4, 80):
        adversarial = attack(tf.constant(steps)).numpy()
        best = uncalled_linear_model.best_attack(examples[0], examples[1], 0.5)
        changes.append(abs(adversarial - best).mean())
    assert uncalled_linear_model.calls == 1
    assert changes[0] > changes[1] > changes[2] + 0.01


def test_unknown_batch_size(linear_model, examples):
    seed_generator = keras.random.SeedGenerator(5)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 5, 7, 3), tf.float32),
            tf.TensorSpec((None,), tf.int64),
        ]
    )
    def attack(images, labels):
        return projected_gradient(
            linear_model,
            images,
            labels,
            ThreatModel(EPSILON),
            9,
            STEP,
            seed_generator=seed_generator,
        )

    images, labels = examples
    for count in (23, 11):
        np.testing.assert_allclose(
            attack(images[:count], labels[:count]),
            linear_model.best_attack(images[:count], labels[:count], EPSILON),
            rtol=0,
            atol=1.2e-7,
        )


def test_start_is_random_and_owned_by_the_generator(linear_model, examples):
    images, labels = examples

    def attack(seed_generator):
        # A step too small to matter, so that the start is what comes back.
        return projected_gradient(
            linear_model, images, labels, ThreatModel(0.1), 1, 1e-9, seed_generator=seed_generator
        ).numpy()

    generator = keras.random.SeedGenerator(5)
    first, second = attack(generator), attack(generator)
    tf.random.set_seed(99)
    again = attack(keras.random.SeedGenerator(5))
    np.testing.assert_array_equal(first, again)
    inside = (images > 0.1) & (images < 0.9)
    assert (first != second)[inside].mean() > 0.99
    offsets = (first - images)[inside]
    # About 1,900 uniform draws in [-0.1, 0.1]: standard error of the mean 0.0013.
    assert offsets.mean() == pytest.approx(0.0, abs=0.006)
    assert offsets.std() == pytest.approx(0.1 / 3**0.5, abs=0.004)


def test_gaussian_start(linear_model, examples):
    images, labels = examples
    adversarial = projected_gradient(
        linear_model,
        images,
        labels,
        ThreatModel(0.1),
        1,
        1e-9,
        start_std=0.02,
        seed_generator=keras.random.SeedGenerator(5),
    ).numpy()
    offsets = (adversarial - images)[(images > 0.1) & (images < 0.9)]
    # About 1,900 draws: standard errors 0.0005 and 0.0003; a uniform start would have 0.058.
    assert offsets.mean() == pytest.approx(0.0, abs=0.002)
    assert offsets.std() == pytest.approx(0.02, abs=0.0015)


def attack_named(name, epsilon=EPSILON, steps=10, step_fraction=0.25, norm="linf"):
    generator = keras.random.SeedGenerator(5)
    return TrainingAttack(name, ThreatModel(epsilon, norm), generator, steps, step_fraction)


def against_prediction(attack):
    """TRADES asks for no labels."""
    return lambda model, images: attack(model, images, None)


def divergence(clean, logits):
    """KL(p || p') of every image in float64."""
    log_p, log_q = (np.log(tf.nn.softmax(tf.cast(z, tf.float64))) for z in (clean, logits))
    return (np.exp(log_p) * (log_p - log_q)).sum(axis=1)


@pytest.mark.parametrize("compiled", [False, True])
def test_attack_on_the_prediction_finds_the_farthest_corner(compiled, linear_model, examples):
    """On two classes KL grows with the distance of the margins: one of two corners is the best."""
    images, _ = examples
    run = against_prediction(attack_named("trades", steps=9))
    run = tf.function(run) if compiled else run
    adversarial = run(linear_model, tf.constant(images)).numpy()
    clean = linear_model.exact_logits(images)
    reached = divergence(clean, linear_model.exact_logits(adversarial))
    corners = [
        linear_model.best_attack(images, np.full(len(images), label), EPSILON) for label in (0, 1)
    ]
    best = [divergence(clean, linear_model.exact_logits(corner)) for corner in corners]
    # A random start decides which way it climbs; it must reach the end of that way.
    off = np.minimum(abs(reached - best[0]), abs(reached - best[1])) / reached
    assert off.max() < 1e-4
    assert (
        reached.mean()
        > 1000 * divergence(clean, linear_model.exact_logits(images + TRADES_START_STD)).mean()
    )


def test_attack_on_the_prediction_starts_as_in_algorithm_1(linear_model, examples):
    run = against_prediction(attack_named("trades", 0.1, 1, 1e-9))
    offsets = run(linear_model, tf.constant(examples[0])) - examples[0]
    # About 2,300 draws, hardly any at a bound: standard error 0.000015.
    assert np.std(offsets) == pytest.approx(0.001, abs=0.0001)


def test_attack_on_the_prediction_predicts_the_clean_images_once(uncalled_linear_model, examples):
    against_prediction(attack_named("trades", steps=7))(
        uncalled_linear_model, tf.constant(examples[0])
    )
    assert uncalled_linear_model.calls == 1 + 7


def test_attack_on_the_prediction_raises_the_divergence_of_a_network_in_evaluation_mode(examples):
    images = tf.constant(examples[0])
    model = batch_norm_model()
    before = [variable.numpy() for variable in model.variables]
    adversarial = against_prediction(attack_named("trades"))(model, images)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    noise = np.random.default_rng(0).uniform(-EPSILON, EPSILON, images.shape)
    clean = model(images, training=False)
    reached = divergence(clean, model(adversarial, training=False)).mean()
    assert reached > 5 * divergence(clean, model(images + noise, training=False)).mean()
    assert abs(adversarial.numpy().astype(np.float64) - examples[0]).max() <= EPSILON


def test_attack_on_the_labels_is_projected_gradient_with_a_uniform_start(linear_model, examples):
    images, labels = examples
    attack = attack_named("pgd", steps=2)
    direct = projected_gradient(
        linear_model,
        images,
        labels,
        ThreatModel(EPSILON),
        2,
        EPSILON / 4,
        seed_generator=keras.random.SeedGenerator(5),
    )
    np.testing.assert_array_equal(attack(linear_model, images, labels), direct)


def exact_start(radius, shape):
    """The first draw of `attack_named`'s generator, in float64."""
    epsilon = radius * EPSILON
    generator = keras.random.SeedGenerator(5)
    draw = keras.random.uniform(shape, -EPSILON, EPSILON, dtype="float32", seed=generator)
    return np.asarray(draw, np.float64) * epsilon / EPSILON


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("name", "radius", "step", "projected"),
    [("n_fgsm", 2.0, 1.0, False), ("fgsm_rs", 1.0, 1.25, True)],
)
def test_single_step_attacks_are_their_papers(
    compiled, name, radius, step, projected, uncalled_linear_model, examples
):
    """One step of the sign from a random start, against NumPy; projected or not, inside the pixels."""
    images, labels = examples
    attack = attack_named(name, steps=7, step_fraction=0.01)  # which single steps do not use
    run = tf.function(attack) if compiled else attack
    found = run(uncalled_linear_model, tf.constant(images), tf.constant(labels)).numpy()
    start = images + exact_start(radius, images.shape)

    def allowed(points):
        if projected:
            points = np.clip(points, images - EPSILON, images + EPSILON)
        return np.clip(points, 0.0, 1.0)

    # On a linear model the best corner is where every gradient's sign points.
    sign = np.sign(uncalled_linear_model.best_attack(np.full_like(images, 0.5), labels, 0.1) - 0.5)
    expected = allowed(allowed(start) + step * EPSILON * sign)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert uncalled_linear_model.calls == 1
    reach = abs(found - images).max()
    assert reach <= EPSILON if projected else 2.5 * EPSILON < reach <= 3 * EPSILON + 1e-6


def test_single_steps_in_l2_go_as_far_as_in_their_definition(linear_model, examples):
    images, labels = examples
    inside = 0.4 + 0.2 * images  # no pixel bound is reached
    found = attack_named("n_fgsm", 0.07, norm="l2")(linear_model, inside, labels).numpy()
    lengths = np.linalg.norm((found - inside).reshape(len(images), -1).astype(np.float64), axis=1)
    # 2 epsilon of noise, near the sphere in this many dimensions, and epsilon along the gradient.
    assert (lengths > 1.5 * 0.07).all()
    assert (lengths <= 3 * 0.07 + 1e-6).all()
    projected = attack_named("fgsm_rs", 0.07, norm="l2")(linear_model, inside, labels).numpy()
    lengths = np.linalg.norm((projected - inside).reshape(len(images), -1), axis=1)
    assert (lengths <= 0.07).all()


@pytest.mark.parametrize(
    ("name", "steps", "single"), [("n_fgsm", 9, True), ("fgsm_rs", 9, True), ("pgd", 2, False)]
)
def test_which_attacks_take_one_step(name, steps, single):
    assert attack_named(name, steps=steps).single_step is single
    assert attack_named("pgd", steps=1).single_step
    assert not attack_named("trades", steps=1).single_step


def test_epsilon_zero_is_the_identity(linear_model, examples):
    images, labels = examples
    adversarial = projected_gradient(
        linear_model,
        images,
        labels,
        ThreatModel(0.0),
        3,
        STEP,
        seed_generator=keras.random.SeedGenerator(5),
    )
    np.testing.assert_array_equal(adversarial, images)


def test_batch_norm_statistics_are_used_and_left_alone(examples):
    images, labels = examples
    model = batch_norm_model()
    before = [variable.numpy() for variable in model.variables]
    run = tf.function(
        lambda seed_generator: projected_gradient(
            model, images, labels, ThreatModel(EPSILON), 5, STEP, seed_generator=seed_generator
        )
    )
    first = run(keras.random.SeedGenerator(1)).numpy()
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    # Dropout in training mode would answer differently the second time.
    np.testing.assert_array_equal(first, run(keras.random.SeedGenerator(1)))


def test_no_gradient_reaches_the_weights_through_the_attack(examples):
    images, labels = examples
    model = batch_norm_model()
    generator = keras.random.SeedGenerator(1)

    @tf.function
    def gradient_through_the_attack():
        with tf.GradientTape() as tape:
            adversarial = projected_gradient(
                model, images, labels, ThreatModel(EPSILON), 2, STEP, seed_generator=generator
            )
            total = tf.reduce_sum(adversarial)
        return [gradient is None for gradient in tape.gradient(total, model.trainable_variables)]

    assert all(gradient_through_the_attack())


def test_own_loss_as_in_trades(examples):
    # KL(clean || adversarial): the third argument is whatever the loss compares with.
    images, _ = examples
    model = batch_norm_model()
    clean = tf.nn.softmax(model(images, training=False))

    def divergence(clean, logits):
        return tf.reduce_sum(clean * (tf.math.log(clean) - tf.nn.log_softmax(logits)), axis=1)

    adversarial = projected_gradient(
        model,
        images,
        clean,
        ThreatModel(EPSILON),
        10,
        STEP,
        divergence,
        seed_generator=keras.random.SeedGenerator(1),
    )
    noise = np.random.default_rng(0).uniform(-EPSILON, EPSILON, images.shape)
    reached = divergence(clean, model(adversarial, training=False)).numpy().mean()
    by_chance = divergence(clean, model(images + noise, training=False)).numpy().mean()
    assert reached > 5 * by_chance


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steps": 2.5}, r"steps is 2\.5"),
        ({"step_size": 0.0}, r"step_size is 0\.0"),
        ({"seed_generator": 3}, "seed_generator is a int"),
        ({"seed_generator": None}, "keras.random.SeedGenerator"),
    ],
)
def test_refusals(changed, message, linear_model, examples):
    arguments = {"steps": 2, "step_size": STEP, "seed_generator": keras.random.SeedGenerator(1)}
    with pytest.raises(RobustnessError, match=message):
        projected_gradient(linear_model, *examples, ThreatModel(EPSILON), **(arguments | changed))
