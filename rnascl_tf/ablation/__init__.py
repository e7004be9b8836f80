"""Runs of one recipe that differ in named settings, side by side over several seeds."""

from rnascl_tf.ablation.rows import VARIED, Row, parse_row, vary
from rnascl_tf.ablation.runner import Job, run_jobs
from rnascl_tf.ablation.table import comparison, comparison_table, write_comparison

__all__ = [
    "VARIED",
    "Job",
    "Row",
    "comparison",
    "comparison_table",
    "parse_row",
    "run_jobs",
    "vary",
    "write_comparison",
]
