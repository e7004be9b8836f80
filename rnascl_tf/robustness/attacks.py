"""The attacks of the paper's evaluation as one table, run by cleverhans (DESIGN sections 5 and 6).

All maximise a loss J over the L-inf ball around x (steps alpha, at most epsilon):
    FGSM (Goodfellow et al., 2015), PGD (Madry et al., 2018) and CW in its L-inf form (Carlini and
    Wagner, 2017):  x_{k+1} = project(x_k + alpha sign(grad J(x_k)))
    MI-FGSM (Dong et al., 2018):  g_{k+1} = mu g_k + grad J / mean|grad J|,
                                  x_{k+1} = project(x_k + alpha sign(g_{k+1}))
The loops stay in Python on purpose: cleverhans compiles one gradient, and inside a graph its loops
would be unrolled into as many copies of the network as there are steps.
"""

import dataclasses
import difflib
import zlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
from cleverhans.tf2.attacks.momentum_iterative_method import loss_fn as cross_entropy
from cleverhans.tf2.attacks.momentum_iterative_method import momentum_iterative_method
from cleverhans.tf2.utils import compute_gradient

from rnascl_tf.robustness.projection import feasible_box
from rnascl_tf.robustness.threat_model import RobustnessError

CLEAN = "clean"


def margin_loss(labels, logits):
    """CW's loss f = max_{j != y} z_j - z_y, positive exactly when the image is misclassified.

    Args:
        labels: integer [n], the true classes y.
        logits: float32 [n, classes], z.

    Returns:
        float32 [n].
    """
    is_true_class = tf.one_hot(labels, tf.shape(logits)[1], on_value=True, off_value=False)
    best_other = tf.reduce_max(tf.where(is_true_class, logits.dtype.min, logits), axis=1)
    return best_other - tf.gather(logits, labels, axis=1, batch_dims=1)


@dataclasses.dataclass(frozen=True)
class Attack:
    """One row of the table.

    Attributes:
        name: how flags, configs and records call it.
        steps: number of gradient steps, at least 1.
        step_fraction: step size alpha in units of epsilon, above 0 and, by cleverhans' rule, at
            most 1.
        random_start: whether the path starts uniformly at random in the ball, not at the image.
        loss: (labels, logits) -> [n], maximised. A module-level function: cleverhans compiles once
            per function object, and `cross_entropy` is cleverhans' own so that three rows share one
            compiled gradient.
        momentum: decay mu of the gradient's running sum; None for plain steps.

    Raises:
        RobustnessError: a row that cleverhans cannot run as stated.
    """

    name: str
    steps: int
    step_fraction: float
    random_start: bool
    loss: Callable
    momentum: float | None = None

    def __post_init__(self):
        if self.steps < 1 or not 0.0 < self.step_fraction <= 1.0:
            raise RobustnessError(
                f"{self.name}: {self.steps} steps of {self.step_fraction} epsilon; "
                "use at least one step and a fraction above 0 and at most 1."
            )
        if self.momentum is not None and (self.random_start or self.loss is not cross_entropy):
            raise RobustnessError(
                f"{self.name}: cleverhans' momentum attack starts at the image and has "
                "cross-entropy built in; use random_start=False, loss=cross_entropy."
            )


ATTACKS = {
    attack.name: attack
    for attack in (
        Attack("fgsm", 1, 1.0, random_start=False, loss=cross_entropy),
        Attack("pgd20", 20, 1 / 4, random_start=True, loss=cross_entropy),
        Attack("mifgsm", 20, 1 / 10, random_start=False, loss=cross_entropy, momentum=1.0),
        Attack("cw", 20, 1 / 4, random_start=True, loss=margin_loss),
    )
}


def known_attacks(names):
    """Checks attack names.

    Args:
        names: a sequence of names from the table, or "clean".

    Returns:
        The names as a list, in the given order.

    Raises:
        RobustnessError: an unknown name, none at all, or one text in place of a sequence.
    """
    if isinstance(names, str):
        raise RobustnessError(
            f"attacks is the text {names!r}; pass a list of names, {names.split(',')}."
        )
    names = list(names)
    known = [CLEAN, *ATTACKS]
    if not names:
        raise RobustnessError(f"no attack is named; choose from {', '.join(known)}.")
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(str(name).lower(), known, n=1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            raise RobustnessError(f"unknown attack {name!r}; known: {', '.join(known)}.{hint}")
    return names


def random_directions(attack_name, seed, indices, image_shape):
    """Draws the random start of each image, in units of epsilon.

    Each image has a stream of its own, keyed by seed, attack and index. So a start depends neither
    on the process's random state (cleverhans takes no seed, and setting TensorFlow's global one
    would disturb a training run) nor on the order of attacks, batches or images.

    Args:
        attack_name: name of the attack.
        seed: integer >= 0.
        indices: integers [n], positions in the evaluated set.
        image_shape: (height, width, channels).

    Returns:
        float32 [n, height, width, channels], uniform in [-1, 1).
    """
    attack_key = zlib.crc32(attack_name.encode())
    directions = np.empty((len(indices), *image_shape), np.float32)
    for row, index in enumerate(indices):
        generator = np.random.default_rng([seed, attack_key, int(index)])
        directions[row] = generator.random(image_shape, np.float32)
    return 2.0 * directions - 1.0


def check_differentiable(attack, logits, images, labels):
    """Makes sure that a gradient reaches the images; costs one gradient, compiled for the attack.

    Args:
        attack: an `Attack`.
        logits: the model's `LogitsFunction`.
        images: float32 [n, height, width, channels], a batch of the size that will be attacked.
        labels: integer [n].

    Raises:
        RobustnessError: the logits do not depend on the images by differentiable operations.
    """
    images = tf.convert_to_tensor(images, tf.float32)
    labels = tf.cast(labels, tf.int64)
    if compute_gradient(logits, attack.loss, images, labels, False) is None:
        raise RobustnessError(
            f"{attack.name}: no gradient reaches the images; use a model made of differentiable "
            "TensorFlow operations, without NumPy calls or a TFLite interpreter inside."
        )


def perturb(attack, logits, images, labels, threat_model, directions=None):
    """Runs one attack on one batch.

    Args:
        attack: an `Attack`.
        logits: the model's `LogitsFunction`; the same object for every batch.
        images: float32 [n, height, width, channels] inside the threat model's bounds.
        labels: integer [n], the true classes.
        threat_model: the `ThreatModel`.
        directions: float32 of the images' shape in [-1, 1], as from `random_directions`; needed by
            the attacks with a random start.

    Returns:
        float32 tensor of the images' shape, inside `feasible_box(images, threat_model)`.

    Raises:
        RobustnessError: directions are missing.
    """
    if attack.random_start and directions is None:
        raise RobustnessError(f"{attack.name} starts at random; pass random_directions(...).")
    images = tf.convert_to_tensor(images, tf.float32)
    # One dtype, because cleverhans' compiled gradient is keyed on it.
    labels = tf.cast(labels, tf.int64)
    if threat_model.epsilon == 0.0:
        return images
    low, high = feasible_box(images, threat_model)
    if attack.momentum is None:
        start = images
        if attack.random_start:
            start = tf.clip_by_value(images + threat_model.epsilon * directions, low, high)
        adversarial = _sign_steps(attack, logits, labels, threat_model, start, low, high)
    else:
        lower_bound, upper_bound = threat_model.bounds
        adversarial = momentum_iterative_method(
            logits,
            images,
            eps=threat_model.epsilon,
            eps_iter=attack.step_fraction * threat_model.epsilon,
            nb_iter=attack.steps,
            norm=np.inf,
            clip_min=lower_bound,
            clip_max=upper_bound,
            y=labels,
            decay_factor=attack.momentum,
            sanity_checks=False,
        )
    return tf.clip_by_value(adversarial, low, high)


def _sign_steps(attack, logits, labels, threat_model, start, low, high):
    """Repeats cleverhans' fast gradient step from a given start, with a projection after each.

    This is the loop of cleverhans' `projected_gradient_descent`, which cannot be used itself: it
    draws its start from TensorFlow's global random state and accepts none from outside.
    """
    lower_bound, upper_bound = threat_model.bounds
    adversarial = start
    for _ in range(attack.steps):
        adversarial = fast_gradient_method(
            logits,
            adversarial,
            eps=attack.step_fraction * threat_model.epsilon,
            norm=np.inf,
            loss_fn=attack.loss,
            clip_min=lower_bound,
            clip_max=upper_bound,
            y=labels,
            sanity_checks=False,
        )
        adversarial = tf.clip_by_value(adversarial, low, high)
    return adversarial
