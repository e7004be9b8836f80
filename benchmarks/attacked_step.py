"""A training step of S3 at batch 128 on attacked images: what a single step and folding save."""

import tensorflow as tf

from benchmarks.ratio import measure
from benchmarks.train_step import compiled_step
from benchmarks.training_attack import BATCH, CLASSES, SHAPE, new_student
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training import Hardening, StudentModel, hardening_of

ROUNDS = 8


def run():
    """Returns the list of this file's ratios."""
    images = tf.random.stateless_uniform((BATCH, *SHAPE), (0, 1))
    labels = tf.random.stateless_uniform((BATCH,), (0, 2), 0, CLASSES, tf.int32)
    batch = {"image": images, "label": labels}
    clean = _step(Hardening(), batch)
    return [
        measure(
            "n_fgsm_step",
            _step(_attacked("n_fgsm"), batch),
            [clean],
            baseline="the same training step on clean images",
            target=2.2,
            rounds=ROUNDS,
        ),
        measure(
            "trades_10_step",
            _step(_attacked("trades"), batch),
            [_step(_attacked("trades"), batch, model_class=UnfoldedStudentModel)],
            baseline="the same training step with its attack on the unfolded network",
            target=0.75,
            rounds=ROUNDS,
        ),
    ]


class UnfoldedStudentModel(StudentModel):
    """A student whose attack sees the network as it is."""

    def attacked(self, batch):
        """Returns the batch with the attacked images."""
        attack = self.hardening.attack
        return batch | {"attacked": attack(self.logits, batch["image"], batch["label"])}


def _attacked(attack):
    settings = {"attack": attack, "attack_steps": 10, "attack_step_size": 0.25, "beta": 6.0}
    return hardening_of(settings, ThreatModel(8 / 255), seed=0)


def _step(hardening, batch, model_class=StudentModel):
    step = compiled_step(model_class(new_student("hard_swish"), hardening=hardening))
    return lambda: step(batch)
