"""Robustness of any model file: what `python -m rnascl_tf.robustness` is made of."""

from rnascl_tf.assessment.command_flags import (
    EXAMPLES,
    MASKING_EXAMPLES,
    USAGE,
    AssessmentError,
    robustness_flags,
)
from rnascl_tf.assessment.feasibility import (
    check_combination,
    check_norms,
    possible_attacks,
    why_no_verdict,
)
from rnascl_tf.assessment.model_file import (
    ModelFile,
    ModelFileError,
    check_exists,
    load_model_file,
)
from rnascl_tf.assessment.record import assessment_record
from rnascl_tf.assessment.tables import assessment_table

__all__ = [
    "EXAMPLES",
    "MASKING_EXAMPLES",
    "USAGE",
    "AssessmentError",
    "ModelFile",
    "ModelFileError",
    "assessment_record",
    "assessment_table",
    "check_combination",
    "check_exists",
    "check_norms",
    "load_model_file",
    "possible_attacks",
    "robustness_flags",
    "why_no_verdict",
]
