"""All that was measured of one TFLite file with one number of threads."""

import dataclasses
from typing import Any

from rnascl_tf.deploy.latency.cold_start import ColdStart
from rnascl_tf.deploy.latency.timing import Timing


@dataclasses.dataclass(frozen=True)
class TimedFile:
    """One row of `rnascl latency`.

    Attributes:
        file: its name.
        timing: of its inferences; its latency names the number of threads.
        cold_start: what it costs before its second inference.
        ratio: to the first file, see `Timing.ratio_to`.
    """

    file: str
    timing: Timing
    cold_start: ColdStart
    ratio: tuple[float, float, float]

    def to_json(self) -> dict[str, Any]:
        """Returns the row of `latency.json`: the fields of its parts side by side."""
        return {
            "file": self.file,
            **dataclasses.asdict(self.timing.latency),
            **dataclasses.asdict(self.cold_start),
            "ratio": self.ratio,
            "round_medians_ms": self.timing.round_medians_ms,
        }
