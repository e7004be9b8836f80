"""Search spaces, the supernet, the slim student, and their cost."""

from rnascl_tf.networks.architecture import (
    Architecture,
    ArchitectureError,
    describe,
    read_architecture,
    write_architecture,
)
from rnascl_tf.networks.budget import (
    Decoded,
    TargetError,
    check_target,
    check_target_ms,
    decode,
    decode_latency,
    latency_range,
    macs_range,
)
from rnascl_tf.networks.cost import Count, count, macs_table, total_macs
from rnascl_tf.networks.latency_table import (
    BlockShape,
    LatencyTable,
    LatencyTableError,
    block_shapes,
    read_latency_table,
)
from rnascl_tf.networks.search_space import SEARCH_SPACES, SearchSpace
from rnascl_tf.networks.student import build_student, student_taps
from rnascl_tf.networks.supernet import (
    build_supernet,
    channel_masks,
    chosen_filters,
    expected_filters,
    filter_log_probabilities,
)

__all__ = [
    "SEARCH_SPACES",
    "Architecture",
    "ArchitectureError",
    "BlockShape",
    "Count",
    "Decoded",
    "LatencyTable",
    "LatencyTableError",
    "SearchSpace",
    "TargetError",
    "block_shapes",
    "build_student",
    "build_supernet",
    "channel_masks",
    "check_target",
    "check_target_ms",
    "chosen_filters",
    "count",
    "decode",
    "decode_latency",
    "describe",
    "expected_filters",
    "filter_log_probabilities",
    "latency_range",
    "macs_range",
    "macs_table",
    "read_architecture",
    "read_latency_table",
    "student_taps",
    "total_macs",
    "write_architecture",
]
