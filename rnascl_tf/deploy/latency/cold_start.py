"""What a TFLite file costs before its second inference: loading, the first run, and peak memory."""

import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier

_PROCESS = Path(__file__).with_name("cold_start_process.py")
PROCESSES = 5
"""How many processes are started, one after another: the times of a single one vary too much."""


@dataclasses.dataclass(frozen=True)
class ColdStart:
    """Medians of `PROCESSES` processes that only load NumPy and the interpreter.

    From a device's tool, the values of one process.

    Attributes:
        load_ms: time to create the interpreter and allocate its tensors, from content in memory.
        first_ms: time of the first inference.
        peak_bytes: growth of the process's peak resident memory, from before the file was read until
            after the 21st inference, so without the interpreter's libraries. None if a device's tool
            does not print it.
    """

    load_ms: float
    first_ms: float
    peak_bytes: int | None


def measure_cold_start(tflite_bytes: bytes, threads: int = 1) -> ColdStart:
    """Measures a file on this machine.

    Args:
        tflite_bytes: the file's content.
        threads: CPU threads, 1 or more.

    Raises:
        DeployError: the content is not a TFLite classifier, or a process failed.
    """
    TFLiteClassifier(tflite_bytes, threads)  # refuses other files, with the reason
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(tflite_bytes)
        found = [_measured(path, threads) for _ in range(PROCESSES)]
    return ColdStart(
        *(
            statistics.median(getattr(one, field.name) for one in found)
            for field in dataclasses.fields(ColdStart)
        )
    )


def _measured(path: Path, threads: int) -> ColdStart:
    done = subprocess.run(
        [sys.executable, str(_PROCESS), str(path), str(threads)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line and not line.startswith("INFO:")]
        reason = (lines or [f"exit code {done.returncode}"])[-1]
        raise DeployError(f"the file fails in a new process ({reason}): export it again.")
    return ColdStart(**json.loads(done.stdout.splitlines()[-1]))
