"""What a TFLite file costs before its second image: loading, the first run, and peak memory."""

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
"""How many processes are started, one after another: a single one's times are mostly luck."""


@dataclasses.dataclass(frozen=True)
class ColdStart:
    """Medians of `PROCESSES` processes that have only NumPy and the interpreter.

    A device's tool tells them of one process.

    Attributes:
        load_ms: making the interpreter and allocating its tensors, the content already in memory.
        first_ms: the first inference.
        peak_bytes: by how much the process' largest resident memory grew from before the file was
            read to behind the 21st inference. The interpreter's own libraries are not counted. None
            where a device's tool does not tell.
    """

    load_ms: float
    first_ms: float
    peak_bytes: int | None


def cold_start(tflite_bytes, threads=1):
    """Measures a `ColdStart` on this machine.

    Args:
        tflite_bytes: the file's content.
        threads: CPU threads, 1 or more.

    Raises:
        DeployError: it is no TFLite classifier, or the process failed.
    """
    TFLiteClassifier(tflite_bytes, threads)  # refuses what is none, with the reason
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


def _measured(path, threads):
    done = subprocess.run(
        [sys.executable, str(_PROCESS), str(path), str(threads)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line and not line.startswith("INFO:")]
        reason = (lines or [f"exit code {done.returncode}"])[-1]
        raise DeployError(f"the file fails in a process of its own ({reason}): export it again.")
    return ColdStart(**json.loads(done.stdout.splitlines()[-1]))
