"""Keras models with the method's training steps, and what drives them."""

from rnascl_tf.training.adversarial_model import AdversarialModel
from rnascl_tf.training.checkpoints import CheckpointError
from rnascl_tf.training.divergence_guard import TrainingDivergedError
from rnascl_tf.training.fit import batch_norm_momentum, fit
from rnascl_tf.training.history import HistoryError
from rnascl_tf.training.optimizers import (
    CoupledSGD,
    architecture_optimizer,
    learning_rate_schedule,
    weight_optimizer,
)
from rnascl_tf.training.search_diagnostics import (
    DiagnosticsError,
    DiagnosticsLog,
    read_diagnostics,
)
from rnascl_tf.training.search_model import SearchModel
from rnascl_tf.training.signal_store import SignalStore, StoredSignals
from rnascl_tf.training.student_model import StudentModel
from rnascl_tf.training.teacher_signals import LiveSignals, TeacherSignals
from rnascl_tf.training.temperature import TemperatureAnnealing, temperature_at
from rnascl_tf.training.tutors import FIXED_TUTORS, fixed_tutors, one_hot_tutors

__all__ = [
    "FIXED_TUTORS",
    "AdversarialModel",
    "CheckpointError",
    "CoupledSGD",
    "DiagnosticsError",
    "DiagnosticsLog",
    "HistoryError",
    "LiveSignals",
    "SearchModel",
    "SignalStore",
    "StoredSignals",
    "StudentModel",
    "TeacherSignals",
    "TemperatureAnnealing",
    "TrainingDivergedError",
    "architecture_optimizer",
    "batch_norm_momentum",
    "fit",
    "fixed_tutors",
    "learning_rate_schedule",
    "one_hot_tutors",
    "read_diagnostics",
    "temperature_at",
    "weight_optimizer",
]
