import fractions
import importlib.util
import math
import subprocess
import sys

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from rnascl_tf.robustness.attacker import Attacker
from rnascl_tf.robustness.attacks.apgd import Apgd, Ascent, checkpoints
from rnascl_tf.robustness.attacks.apgd_targeted import ApgdTargeted
from rnascl_tf.robustness.attacks.losses import cross_entropy, dlr_loss, margin_loss
from rnascl_tf.robustness.attacks.randomness import Randomness
from rnascl_tf.robustness.ball import Ball
from rnascl_tf.robustness.logits_function import logits_function
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

SHAPE = (5, 7, 3)
NORMS = ["linf", "l2"]
CROSS_ENTROPY = Apgd("apgd-ce", 23, loss=cross_entropy)
DLR = Apgd("apgd-dlr", 23, loss=dlr_loss)
TARGETED = ApgdTargeted("apgd-t", 23)
ATTACKS = [CROSS_ENTROPY, DLR, TARGETED]


def attacked(attack, model, images, labels, threat_model, attack_round=0, seed=0, indices=None):
    return attack.perturb(
        logits_function(model),
        images,
        labels,
        threat_model,
        Randomness(seed, range(len(images)) if indices is None else indices),
        attack_round,
    )


def standing(attack, model, images, labels, threat_model, classes=5):
    """Which images no round breaks (bool [n])."""
    stands = model(images).numpy().argmax(axis=1) == labels
    for attack_round in range(attack.rounds(classes)):
        adversarial = attacked(attack, model, images, labels, threat_model, attack_round)
        stands &= model(adversarial).numpy().argmax(axis=1) == labels
    return stands


class LinearClasses:
    """Five logits, linear in the image; gray images are far from the boundaries of class 2."""

    def __init__(self):
        generator = np.random.default_rng(1)
        self.weights = generator.normal(size=(105, 5)).astype(np.float32) / 2
        self.bias = np.array([-1.9, -2.0, 2.0, -2.1, -1.8], np.float32) - self.weights.sum(0) / 2

    def __call__(self, images):
        return tf.reshape(images, (-1, 105)) @ self.weights + self.bias

    def exact_logits(self, images):
        return images.reshape(len(images), -1).astype(np.float64) @ self.weights + self.bias

    def best_rises(self, images, labels, norm, epsilon):
        """How far z_j - z_y can be brought for every class j, away from the bounds; [n, 5]."""
        logits = self.exact_logits(images)
        logits -= logits[np.arange(len(images)), labels][:, None]
        weights = self.weights.astype(np.float64)
        slopes = np.linalg.norm(
            weights[:, None] - weights[:, labels][:, :, None],
            axis=0,
            ord=1 if norm == "linf" else 2,
        )
        rises = logits + epsilon * slopes
        rises[np.arange(len(images)), labels] = -np.inf
        return rises


@pytest.fixture(scope="module")
def linear_classes():
    return LinearClasses()


def gray_examples(count=23):
    images = np.random.default_rng(4).normal(0.5, 0.02, (count, *SHAPE)).astype(np.float32)
    return images, np.full(count, 2)


class Curved:
    """Seven classes with curved boundaries."""

    def __init__(self, scale=1.0):
        generator = np.random.default_rng(7)
        self.first = (generator.normal(size=(105, 19)) / 4).astype(np.float32)
        self.second = (generator.normal(size=(19, 7)) * scale).astype(np.float32)

    def __call__(self, images):
        return tf.tanh(tf.reshape(images - 0.5, (-1, 105)) @ self.first) @ self.second


def curved_examples(count=29):
    """Images whose labels are what the curved model says, but for two; (images, labels)."""
    images = np.random.default_rng(3).random((count, *SHAPE), np.float32)
    # Pixels at the bounds.
    images[:3] = np.round(images[:3])
    labels = Curved()(images).numpy().argmax(axis=1)
    labels[[4, 13]] = (labels[[4, 13]] + 1) % 7
    return images, labels


@pytest.fixture(scope="module")
def curved():
    return Curved()


class Script:
    """Losses, gradients and misclassifications that an attack meets, whatever points it visits."""

    def __init__(self, steps, count, seed):
        generator = np.random.default_rng(seed)
        # Losses that mostly rise, with falls of any depth: both conditions for halving occur.
        chances = generator.choice([0.7, 0.78, 0.9, 1.0], count)
        rises = generator.random((steps + 1, count)) < chances
        self.losses = np.cumsum(
            np.where(rises, 0.125, -generator.choice([0.125, 4.0], (steps + 1, count))), axis=0
        )
        self.losses[0] = generator.choice([-9.0, 0.0, 3.0], count)
        self.gradients = generator.normal(size=(steps + 1, count, *SHAPE)).astype(np.float32)
        self.wrong = generator.random((steps + 1, count)) < generator.choice([0.0, 0.2], count)
        self.points = []

    def logits(self, images):
        """Two logits with the gradient that is due; the label is 0."""
        step = len(self.points)
        self.points.append(images.numpy())
        value = tf.reduce_sum(images * self.gradients[step], axis=(1, 2, 3))
        decision = np.where(self.wrong[step], -1, 1).astype(np.float32)
        true = decision + value - tf.stop_gradient(value)
        return tf.stack([true, tf.zeros_like(true)], axis=1)

    def loss(self, labels, logits):
        del labels
        losses = self.losses[len(self.points) - 1].astype(np.float32)
        return losses + logits[:, 0] - tf.stop_gradient(logits[:, 0])


def projected(point, center, norm, epsilon):
    change = point - center
    if norm == "linf":
        change = np.clip(change, -epsilon, epsilon)
    else:
        change = change * min(1.0, epsilon / max(np.sqrt(np.square(change).sum()), 1e-30))
    return np.clip(center + change, 0.0, 1.0)


def expected_path(script, image, start, center, norm, epsilon, steps):
    """Algorithm 1 in float64, for one image; returns (points, returned point, halvings)."""
    ends = checkpoints(steps)
    losses, gradients = script.losses[:, image], script.gradients[:, image].astype(np.float64)
    points, step_size = [start], 2 * epsilon
    position, previous, came_from = start, start, None
    best = 0
    last_end, best_at_end, halved, rises = 0, None, False, 0
    halvings = {"too few": 0, "no better": 0}
    for step in range(steps + 1):
        gradient, loss = gradients[step], losses[step]
        rises += step > 0 and loss > came_from
        if loss > losses[best]:
            best = step
        if step in ends:
            too_few = rises < 0.75 * (step - last_end)
            no_better = best == best_at_end and not halved
            halvings["too few"] += too_few
            halvings["no better"] += no_better and not too_few
            halved = too_few or no_better
            if halved:
                step_size /= 2
                position, gradient, loss = points[best], gradients[best], losses[best]
            last_end, best_at_end, rises = step, best, 0
        came_from = loss
        direction = np.sign(gradient)
        if norm == "l2":
            direction = gradient / np.sqrt(np.square(gradient).sum())
        target = projected(position + step_size * direction, center, norm, epsilon)
        alpha = 0.75 if step else 1.0
        moved = position + alpha * (target - position) + (1 - alpha) * (position - previous)
        previous, position = position, projected(moved, center, norm, epsilon)
        points.append(position)
    wrong = script.wrong[:, image]
    candidates = np.flatnonzero(wrong) if wrong.any() else np.arange(steps + 1)
    return points[:-1], points[candidates[losses[candidates].argmax()]], halvings


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("steps", "seed"), [(100, 0), (37, 1), (5, 2), (1, 3)])
def test_follows_the_algorithm(norm, steps, seed):
    count, epsilon = 17, 0.3 if norm == "linf" else 2.0
    generator = np.random.default_rng(100 + seed)
    centers = generator.random((count, *SHAPE), np.float32)
    script = Script(steps, count, seed)
    directions = Randomness(seed, range(count)).directions("apgd", SHAPE, norm)
    returned = Ascent(steps, loss=script.loss)(
        script.logits,
        Ball(centers, norm, epsilon, (0.0, 1.0)),
        np.zeros(count, np.int64),
        tf.constant(directions),
    ).numpy()
    total = {"too few": 0, "no better": 0}
    for image, center in enumerate(centers.astype(np.float64)):
        start = projected(center + epsilon * directions[image], center, norm, epsilon)
        points, answer, halvings = expected_path(script, image, start, center, norm, epsilon, steps)
        total = {reason: total[reason] + halvings[reason] for reason in total}
        # Float32, and the room that the L2 ball leaves for it; each step halves or forgets errors.
        found = np.stack([recorded[image] for recorded in script.points])
        np.testing.assert_allclose(found, points, atol=3e-6)
        np.testing.assert_allclose(returned[image], answer, atol=3e-6)
    if steps == 100:
        assert total["too few"] > 20
        assert total["no better"] > 2
        assert total["too few"] + total["no better"] < 7 * count


def test_checkpoints_of_the_paper():
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(1) == [1]


@hypothesis.given(strategies.integers(1, 3000))
def test_checkpoints_of_any_number_of_steps(steps):
    positions = [fractions.Fraction(0), fractions.Fraction(22, 100)]
    while positions[-1] < 1:
        period = max(
            positions[-1] - positions[-2] - fractions.Fraction(3, 100), fractions.Fraction(6, 100)
        )
        positions.append(positions[-1] + period)
    exact = {math.ceil(position * steps) for position in positions[1:] if position <= 1}
    assert checkpoints(steps) == sorted(exact)
    assert checkpoints(steps)[-1] <= steps


@pytest.mark.parametrize("epsilon", [0.01, 0.05])
def test_best_corner_of_a_linear_model(epsilon, linear_model, examples):
    images, labels = examples
    adversarial = attacked(CROSS_ENTROPY, linear_model, images, labels, ThreatModel(epsilon))
    correct = linear_model.exact_logits(images).argmax(axis=1) == labels
    best = linear_model.best_attack(images, labels, epsilon)
    assert 0 < correct.sum() < len(images)
    # Float32 rounding towards the clean image.
    np.testing.assert_allclose(adversarial[correct], best[correct], rtol=0, atol=1e-7)


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.0662), ("l2", 0.5232)])
def test_breaks_exactly_what_can_be_broken_on_a_linear_model(norm, epsilon, linear_classes):
    model = linear_classes
    images, labels = gray_examples()
    best = model.best_rises(images, labels, norm, epsilon).max(axis=1)
    # Epsilon is the median of the distances to the boundary; one image lies within 1e-3 of it.
    clear = abs(best) > 0.01
    assert clear.sum() >= 20
    stands = standing(TARGETED, model, images, labels, ThreatModel(epsilon, norm=norm))
    np.testing.assert_array_equal(stands[clear], (best < 0.0)[clear])
    assert 5 < stands.sum() < 18


def rise_of_target(labels, logits, targets):
    rows = tf.range(len(labels), dtype=tf.int64)
    true, target = (
        tf.gather_nd(logits, tf.stack([rows, classes], axis=1)) for classes in (labels, targets)
    )
    return target - true


@pytest.mark.parametrize("norm", NORMS)
def test_each_round_climbs_to_the_next_class(norm, linear_classes):
    model = linear_classes
    images, labels = gray_examples()
    order = np.argsort(-model.exact_logits(images), axis=1)
    assert len(np.unique(order, axis=0)) > 5
    epsilon = 0.05 if norm == "linf" else 0.4
    attack = ApgdTargeted("apgd-t", 23, loss=rise_of_target)
    for attack_round in range(attack.rounds(5)):
        adversarial = attacked(
            attack, model, images, labels, ThreatModel(epsilon, norm=norm), attack_round
        )
        slopes = (model.weights[:, order[:, attack_round + 1]] - model.weights[:, labels]).T
        slopes = slopes.astype(np.float64)
        if norm == "linf":
            best = np.sign(slopes)
        else:
            best = slopes / np.linalg.norm(slopes, axis=1, keepdims=True)
        change = (adversarial - images).reshape(23, -1)
        # L-inf ends in the corner; L2 comes nearer with every step, and is 1e-4 away after 23.
        np.testing.assert_allclose(change, epsilon * best, atol=1e-6 if norm == "linf" else 1e-3)


def test_rounds_never_exceed_the_wrong_classes():
    assert [TARGETED.rounds(classes) for classes in (4, 10, 11, 100)] == [3, 9, 9, 9]
    assert ApgdTargeted("apgd-t", 5, targets=2).rounds(10) == 2
    assert CROSS_ENTROPY.rounds(10) == 1


@pytest.mark.parametrize("attack", [CROSS_ENTROPY, TARGETED], ids=lambda attack: attack.name)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.1, 0.7)])
@pytest.mark.parametrize("std", [None, (0.25, 0.3, 0.2)])
def test_epsilon_and_bounds_hold_exactly(attack, norm, bounds, std, curved):
    images, labels = curved_examples()
    images = np.clip(images, *(np.float32(bound) for bound in bounds))
    for epsilon in (1e-6, 8 / 255, 0.3):
        threat_model = ThreatModel(
            epsilon if norm == "linf" else 4 * epsilon,
            norm=norm,
            bounds=bounds,
            space="pixel" if std is None else "normalized",
            std=std,
        )
        adversarial = attacked(attack, curved, images, labels, threat_model)
        assert adversarial.dtype == np.float32
        assert adversarial.min() >= np.float32(bounds[0])
        assert adversarial.max() <= np.float32(bounds[1])
        # Scaling back from normalized space rounds once more.
        room = 0.0 if std is None else 1e-6
        assert threat_model.distances(adversarial, images).max() <= threat_model.epsilon + room
        assert threat_model.distances(adversarial, images).max() > 0.9 * threat_model.epsilon


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_misclassified_images_are_returned_as_they_are(attack, curved):
    images, labels = curved_examples()
    adversarial = attacked(attack, curved, images, labels, ThreatModel(0.03))
    unchanged = (adversarial == images).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(np.flatnonzero(unchanged), [4, 13])


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
@pytest.mark.parametrize(
    ("norm", "epsilons"), [("linf", (0.004, 0.015, 0.06)), ("l2", (0.03, 0.12, 0.5))]
)
def test_success_rises_with_epsilon(attack, norm, epsilons, curved):
    images, labels = curved_examples()
    stands = [
        standing(attack, curved, images, labels, ThreatModel(epsilon, norm=norm), 7).mean()
        for epsilon in epsilons
    ]
    assert stands[0] > 0.7
    assert stands[0] > stands[1] > stands[2]
    assert stands[2] < 0.2


@pytest.mark.parametrize("norm", NORMS)
def test_success_rises_with_steps(norm, curved):
    images, labels = curved_examples()
    threat_model = ThreatModel(0.02 if norm == "linf" else 0.16, norm=norm)
    means = []
    for steps in (1, 5, 23, 100):
        attack = Apgd("apgd-ce", steps, loss=cross_entropy)
        adversarial = attacked(attack, curved, images, labels, threat_model)
        means.append(float(margin_loss(labels, curved(adversarial)).numpy().mean()))
    assert means[0] < means[1] < means[2]
    # It has found its maximum by then.
    assert means[2] - 1e-3 < means[3] < means[2] + 0.1


def test_same_seed_same_images_other_seed_other_images(curved):
    images, labels = curved_examples()
    runs = [
        attacked(DLR, curved, images, labels, ThreatModel(0.1, norm="l2"), seed=seed)
        for seed in (5, 5, 6)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any(axis=(1, 2, 3)).sum() > 20


class CurvedRows(Curved):
    """The same with each logit summed by itself, so that its last bit does not change with the place
    of its image in the batch, as in a product of matrices: signs of gradients hang on it."""

    def __call__(self, images):
        hidden = tf.tanh(tf.reduce_sum(tf.reshape(images - 0.5, (-1, 1, 105)) * self.first.T, 2))
        return tf.reduce_sum(hidden[:, None] * self.second.T, axis=2)


@pytest.mark.parametrize("attack", [CROSS_ENTROPY, TARGETED], ids=lambda attack: attack.name)
@pytest.mark.parametrize("norm", NORMS)
def test_companions_in_the_batch_do_not_matter(attack, norm):
    model = CurvedRows()
    images, labels = curved_examples()
    threat_model = ThreatModel(0.03 if norm == "linf" else 0.2, norm=norm)
    first = np.arange(7)
    # Others beside them, other places, and padding.
    second = np.array([5, 28, 2, 4, 19, 28, 28])
    found = {}
    for batch in (first, second):
        adversarial = attacked(
            attack, model, images[batch], labels[batch], threat_model, indices=batch
        )
        for index, image in zip(batch, adversarial, strict=True):
            # The model's gradient is still a product of matrices, which L2 steps feel.
            np.testing.assert_allclose(image, found.setdefault(index, image), atol=1e-6)
    assert len(found) == 9


def test_one_trace_for_all_batches_rounds_and_epsilons():
    curved = Curved()
    images, labels = curved_examples()
    for epsilon in (0.01, 0.02):
        for attack_round in range(3):
            for attack in (TARGETED, ApgdTargeted("other", 23, targets=2)):
                for batch in (slice(0, 14), slice(14, 28)):
                    attacked(
                        attack,
                        curved,
                        images[batch],
                        labels[batch],
                        ThreatModel(epsilon),
                        attack_round,
                    )
    assert list(logits_function(curved).traces.values()) == [1]


@pytest.mark.parametrize(
    ("attack", "norm"),
    [(CROSS_ENTROPY, "l2"), (DLR, "linf"), (TARGETED, "linf"), (TARGETED, "l2")],
)
def test_equal_logits_and_zero_gradients(attack, norm):
    def flat(images):
        return tf.reduce_sum(images * 0.0, axis=(1, 2))[:, :1] * tf.ones((1, 5))

    images = np.random.default_rng(0).random((3, *SHAPE), np.float32)
    # Ties go to class 0, so that the last two images are misclassified.
    labels = np.array([0, 1, 4])
    threat_model = ThreatModel(0.1, norm=norm)
    adversarial = attacked(attack, flat, images, labels, threat_model)
    assert np.isfinite(adversarial).all()
    assert threat_model.distances(adversarial, images).max() <= 0.1
    np.testing.assert_array_equal(adversarial[1:], images[1:])


def test_dlr_breaks_a_model_whose_large_logits_hide_the_gradient_of_cross_entropy(curved):
    images, labels = curved_examples()
    loud = Curved(scale=1e4)
    ordinary, hidden, through = (
        standing(attack, model, images, labels, ThreatModel(0.02)).sum()
        for attack, model in ((DLR, curved), (CROSS_ENTROPY, loud), (DLR, loud))
    )
    assert hidden > ordinary + 5
    # 1e-12 and rounding differ between the two.
    assert abs(through - ordinary) <= 1


@pytest.mark.parametrize(
    ("attack", "classes", "message"),
    [
        (DLR, 2, "DLR loss needs 3 classes, the model has 2"),
        (TARGETED, 2, "targeted DLR loss needs 4 classes, the model has 2"),
        (TARGETED, 3, "targeted DLR loss needs 4 classes, the model has 3"),
    ],
)
def test_too_few_classes_are_refused_in_one_line(attack, classes, message):
    def few(images):
        return tf.reduce_sum(images, axis=2)[:, :classes, 0]

    images, labels = np.full((3, *SHAPE), 0.5, np.float32), np.zeros(3, np.int64)
    with pytest.raises(RobustnessError, match=message) as said:
        attacked(attack, few, images, labels, ThreatModel(0.1))
    assert "\n" not in str(said.value)
    attacked(CROSS_ENTROPY, few, images, labels, ThreatModel(0.1))


def test_refused_settings():
    with pytest.raises(RobustnessError, match="apgd-ce: 0 steps"):
        Apgd("apgd-ce", 0, loss=cross_entropy)
    with pytest.raises(RobustnessError, match="apgd-t: 0 steps"):
        ApgdTargeted("apgd-t", 0)
    with pytest.raises(RobustnessError, match="apgd-t: 0 targets"):
        ApgdTargeted("apgd-t", 5, targets=0)


def test_evaluation_leaves_out_what_earlier_rounds_have_broken(curved):
    images, labels = curved_examples()
    threat_model = ThreatModel(0.02)
    attacker = Attacker(curved, images, labels, threat_model, batch_size=11)
    expected = standing(TARGETED, curved, images, labels, threat_model, 7)
    np.testing.assert_array_equal(attacker.withstood(TARGETED), expected)
    assert 3 < expected.sum() < 25


REFERENCE = """
import sys, numpy, torch
from torchattacks import APGD, APGDT

data = numpy.load(sys.argv[1])
first, second = (torch.from_numpy(data[name]) for name in ("first", "second"))

class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Parameter(first)

    def forward(self, images):
        flat = images.permute(0, 2, 3, 1).reshape(len(images), -1) - 0.5
        return torch.tanh(flat @ self.first) @ second

torch.set_num_threads(1)
model = Network()
images = torch.from_numpy(data["images"]).permute(0, 3, 1, 2).contiguous()
labels = torch.from_numpy(data["labels"])
found = {}
for norm, epsilon in (("Linf", float(data["linf"])), ("L2", float(data["l2"]))):
    for loss in ("ce", "dlr"):
        attack = APGD(model, norm=norm, eps=epsilon, steps=100, loss=loss)
        attack.set_model_training_mode(False)
        torch.manual_seed(0)
        _, stands, best, _ = attack.attack_single_run(images, labels)
        found[f"{norm.lower()} {loss} stands"] = stands.numpy()
        found[f"{norm.lower()} {loss} loss"] = best.numpy()
    attack = APGDT(model, norm=norm, eps=epsilon, steps=100, n_classes=7)
    found[f"{norm.lower()} targeted stands"] = attack.perturb(images, labels)[0].numpy()
numpy.savez(sys.argv[2], **found)
"""


@pytest.mark.skipif(
    importlib.util.find_spec("torchattacks") is None,
    reason="torchattacks, the reference, is missing",
)
def test_as_strong_as_torchattacks(curved, tmp_path):
    images = np.random.default_rng(8).random((199, *SHAPE), np.float32)
    labels = curved(images).numpy().argmax(axis=1)
    epsilons = {"linf": 0.015, "l2": 0.15}
    np.savez(
        tmp_path / "given.npz",
        images=images,
        labels=labels,
        first=curved.first,
        second=curved.second,
        **epsilons,
    )
    # A process of its own: torchvision does not share one with TensorFlow.
    subprocess.run(
        [sys.executable, "-c", REFERENCE, tmp_path / "given.npz", tmp_path / "found.npz"],
        check=True,
    )
    theirs = np.load(tmp_path / "found.npz")
    for norm, epsilon in epsilons.items():
        threat_model = ThreatModel(epsilon, norm=norm)
        for name, attack in (
            ("ce", Apgd("apgd-ce", 100, loss=cross_entropy)),
            ("dlr", Apgd("apgd-dlr", 100, loss=dlr_loss)),
            ("targeted", ApgdTargeted("apgd-t", 100)),
        ):
            stands = standing(attack, curved, images, labels, threat_model, 7)
            reference = theirs[f"{norm} {name} stands"]
            assert 0.2 < reference.mean() < 0.8
            assert abs(stands.mean() - reference.mean()) <= 0.02
            if name == "targeted":
                continue
            # Beyond the boundary DLR has no bound, and a point of any loss will do.
            both = stands & reference
            adversarial = attacked(attack, curved, images, labels, threat_model)
            losses = attack.loss(labels, curved(adversarial)).numpy()[both]
            reference = theirs[f"{norm} {name} loss"][both]
            # Of two seeds of the reference, 8.5% of the losses differ by more than 0.01, and their
            # means by 0.007 (DLR, L2): the starts lead to different local maxima.
            assert abs(losses.mean() - reference.mean()) <= 0.02
            assert np.isclose(losses, reference, rtol=0, atol=0.01).mean() >= 0.85
