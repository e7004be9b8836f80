"""Where TFLite files are timed: this machine, or an Android device behind adb."""

import importlib.metadata
import os
import platform
from pathlib import Path

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.latency.adb import AdbDevice
from rnascl_tf.deploy.latency.cold_start import cold_start
from rnascl_tf.deploy.latency.timing import ROUNDS, measure_interleaved


class LocalDevice:
    """This machine's CPU.

    Attributes:
        description: {"kind", "cpu", "cores", "runtime"} for records.
    """

    def __init__(self):
        self.description = {
            "kind": "local",
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "runtime": f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}",
        }

    def measure(self, files, threads=1, runs=200, rounds=ROUNDS, on_round=None):
        """Times files in turns; see `timing.measure_interleaved`."""
        return measure_interleaved(files, threads, runs, rounds, on_round=on_round)

    def cold_start(self, content, threads):
        """Returns the `ColdStart` of a file."""
        return cold_start(content, threads)


def device(text, benchmark_model=None):
    """Returns the device that a flag names.

    Args:
        text: "local", "adb", or "adb:SERIAL".
        benchmark_model: for adb: path of the tool's binary, or None; see `AdbDevice`.

    Raises:
        DeployError: another text, a binary for the local machine, or a device that is not ready.
    """
    kind, _, serial = text.partition(":")
    if kind == "adb":
        return AdbDevice(serial or None, benchmark_model)
    if text != "local":
        raise DeployError(f"unknown device {text!r}: give local, adb or adb:SERIAL.")
    if benchmark_model is not None:
        raise DeployError("a benchmark_model is for an Android device: give --device=adb.")
    return LocalDevice()


def _cpu():
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
