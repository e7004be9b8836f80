"""The guard names the term that broke the sum, not the sum."""

import pytest

from rnascl_tf.training.loop.divergence_guard import DivergenceGuard, TrainingDivergedError

FINE = {"loss": 1.0, "cross_entropy": 1.0, "divergence": 0.5, "attention": 0.1}


def guard(last=None):
    guard = DivergenceGuard("baseline", "train", lambda: last)
    guard.on_epoch_begin(4)
    return guard


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_names_the_term_the_epoch_and_the_step(value):
    logs = {**FINE, "loss": value, "attention": value}
    with pytest.raises(
        TrainingDivergedError,
        match=r"term attention became .* epoch 5, step 8.*--config.train.learning_rate",
    ):
        guard().on_train_batch_end(7, logs)


def test_validation_is_checked_before_the_checkpoint_is_written():
    with pytest.raises(TrainingDivergedError, match=r"val_cross_entropy .*ckpt-3 is kept"):
        guard("runs/ckpt-3").on_epoch_end(4, {**FINE, "val_cross_entropy": float("nan")})


def test_finite_terms_pass():
    guard().on_train_batch_end(0, FINE)
    guard().on_epoch_end(4, FINE)
