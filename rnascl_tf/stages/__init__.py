"""The main job, stage by stage; each reads the files that the one before has left."""

from rnascl_tf.stages.branch import branch
from rnascl_tf.stages.errors import USER_ERRORS, UserError
from rnascl_tf.stages.estimate import dry_run
from rnascl_tf.stages.order import STAGES, select
from rnascl_tf.stages.pipeline import execute
from rnascl_tf.stages.run import Run, load_student, run_file
from rnascl_tf.stages.settings import check

__all__ = [
    "STAGES",
    "USER_ERRORS",
    "Run",
    "UserError",
    "branch",
    "check",
    "dry_run",
    "execute",
    "load_student",
    "run_file",
    "select",
]
