"""The user's errors: what every command prints on one line before it exits with code 2."""

from rnascl_tf.data import DataError
from rnascl_tf.deploy import DeployError
from rnascl_tf.devices import DevicesError
from rnascl_tf.networks import ArchitectureError, LatencyTableError, TargetError
from rnascl_tf.recipes import RecipeError
from rnascl_tf.report import RecordError
from rnascl_tf.robustness import RobustnessError
from rnascl_tf.training import (
    CheckpointError,
    DiagnosticsError,
    HistoryError,
    TrainingDivergedError,
)
from teachers import TeacherError


class UserError(ValueError):
    """A request that cannot be carried out; the message tells what came, what was wanted, the fix."""


USER_ERRORS = (
    ArchitectureError,
    CheckpointError,
    DataError,
    DeployError,
    DevicesError,
    DiagnosticsError,
    HistoryError,
    LatencyTableError,
    RecipeError,
    RecordError,
    RobustnessError,
    TargetError,
    TeacherError,
    TrainingDivergedError,
    UserError,
)
"""Exceptions whose message alone is shown, without a traceback."""
