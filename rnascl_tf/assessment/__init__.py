"""Robustness of any model file: what `python -m rnascl_tf.robustness` is made of."""

from rnascl_tf.assessment.command_flags import USAGE, AssessmentError, robustness_flags
from rnascl_tf.assessment.model_file import ModelFile, ModelFileError, load_model_file
from rnascl_tf.assessment.record import assessment_record
from rnascl_tf.assessment.tables import assessment_table

__all__ = [
    "USAGE",
    "AssessmentError",
    "ModelFile",
    "ModelFileError",
    "assessment_record",
    "assessment_table",
    "load_model_file",
    "robustness_flags",
]
