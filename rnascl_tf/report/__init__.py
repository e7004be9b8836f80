"""The record of a run, and what is printed and drawn from it and from the search's diagnostics."""

from rnascl_tf.report.attention_figure import save_attention_figure
from rnascl_tf.report.attention_panels import attention_panels, least_probable
from rnascl_tf.report.console import console, print_whole, progress
from rnascl_tf.report.filter_plot import save_filter_probabilities
from rnascl_tf.report.plots import save_robustness, save_search_history
from rnascl_tf.report.record import Record, RecordError
from rnascl_tf.report.search_summary import last_changes, mean_entropy, summarize_search
from rnascl_tf.report.table import (
    export_table,
    robustness_table,
    search_table,
    student_table,
    verdict,
)
from rnascl_tf.report.tutor_map import save_tutor_map

__all__ = [
    "Record",
    "RecordError",
    "attention_panels",
    "console",
    "export_table",
    "last_changes",
    "least_probable",
    "mean_entropy",
    "print_whole",
    "progress",
    "robustness_table",
    "save_attention_figure",
    "save_filter_probabilities",
    "save_robustness",
    "save_search_history",
    "save_tutor_map",
    "search_table",
    "student_table",
    "summarize_search",
    "verdict",
]
