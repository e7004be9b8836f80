"""What the config's `method` section switches: the terms of eq. 2 and eq. 3, and the tutors."""

from collections.abc import Sequence
from typing import Literal

from ml_collections import ConfigDict

from rnascl_tf.training import fixed_tutors


def uses_attention(config: ConfigDict) -> bool:
    """Whether the attention term, eq. 1, is in the losses."""
    return config.method.attention and config.method.tutor != "none"


def is_taught(config: ConfigDict) -> bool:
    """Whether the student learns from the teacher at all."""
    return config.method.kl or uses_attention(config)


def control_tutors(
    config: ConfigDict, student_layers: Sequence[str], teacher_layers: Sequence[str]
) -> Literal["search"] | dict[str, str] | None:
    """Returns the tutors that a search starts with.

    Returns:
        "search" where they are searched, {student layer: teacher layer} for a control, None without
        the attention term: the `tutors` of `SearchModel`.
    """
    if not uses_attention(config):
        return None
    if config.method.tutor == "search":
        return "search"
    return fixed_tutors(config.method.tutor, student_layers, teacher_layers, config.seed)
