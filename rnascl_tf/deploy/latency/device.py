"""Where TFLite files are timed: this machine, or an Android device connected through adb."""

import importlib.metadata
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.latency.adb import AdbDevice
from rnascl_tf.deploy.latency.cold_start import ColdStart, measure_cold_start
from rnascl_tf.deploy.latency.timing import ROUNDS, Timing, measure_interleaved
from rnascl_tf.record import TimedDevice


class Device(Protocol):
    """What times TFLite files.

    Attributes:
        description: what it is, for records.
    """

    description: TimedDevice

    def measure(
        self,
        files: Mapping[str, bytes],
        threads: int = 1,
        runs: int = 200,
        rounds: int = ROUNDS,
        on_round: Callable[[int, int], object] | None = None,
    ) -> dict[str, Timing]:
        """Times files interleaved; see `timing.measure_interleaved`."""

    def cold_start(self, content: bytes, threads: int) -> ColdStart:
        """Measures what a file costs before its second inference."""


class LocalDevice:
    """This machine's CPU.

    Attributes:
        description: for records.
    """

    def __init__(self) -> None:
        self.description = TimedDevice(
            kind="local",
            cpu=_cpu(),
            cores=os.cpu_count(),
            runtime=f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}",
        )

    def measure(
        self,
        files: Mapping[str, bytes],
        threads: int = 1,
        runs: int = 200,
        rounds: int = ROUNDS,
        on_round: Callable[[int, int], object] | None = None,
    ) -> dict[str, Timing]:
        """Times files interleaved; see `timing.measure_interleaved`."""
        return measure_interleaved(files, threads, runs, rounds, on_round=on_round)

    def cold_start(self, content: bytes, threads: int) -> ColdStart:
        """See `measure_cold_start`."""
        return measure_cold_start(content, threads)


def device_named(text: str, benchmark_model: str | Path | None = None) -> Device:
    """Returns the device for a value of `--device`.

    Args:
        text: "local", "adb", or "adb:SERIAL".
        benchmark_model: only for adb: path of the tool's binary; see `AdbDevice`.

    Raises:
        DeployError: another text, a binary for the local machine, or a device that is not ready.
    """
    kind, _, serial = text.partition(":")
    if kind == "adb":
        return AdbDevice(serial or None, benchmark_model)
    if text != "local":
        raise DeployError(f"unknown device {text!r}: give local, adb or adb:SERIAL.")
    if benchmark_model is not None:
        raise DeployError(
            "--benchmark_model is for Android devices: add --device=adb, or leave it out."
        )
    return LocalDevice()


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
