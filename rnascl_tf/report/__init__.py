"""The record of a run, and what is printed and drawn from it."""

from rnascl_tf.report.console import console, print_whole, progress
from rnascl_tf.report.plots import save_robustness, save_search_history
from rnascl_tf.report.record import Record, RecordError
from rnascl_tf.report.table import export_table, robustness_table, student_table, verdict

__all__ = [
    "Record",
    "RecordError",
    "console",
    "print_whole",
    "export_table",
    "progress",
    "robustness_table",
    "save_robustness",
    "save_search_history",
    "student_table",
    "verdict",
]
