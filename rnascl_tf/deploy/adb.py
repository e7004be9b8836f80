"""An Android device behind `adb`, on which Google's `benchmark_model` times TFLite files."""

import dataclasses
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from rnascl_tf.deploy.benchmark_model_output import parse_benchmark_model
from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.timing import WARMUP, Timing

FOLDER = "/data/local/tmp"
BINARY = f"{FOLDER}/benchmark_model"
_SECONDS = 600


class AdbDevice:
    """One device, and the tool on it.

    Args:
        serial: the device's serial number; None where only one is connected.
        benchmark_model: path of the tool's binary for the device, which is pushed; None if it lies on
            the device already, at /data/local/tmp/benchmark_model.

    Attributes:
        description: {"kind", "serial", "cpu", "android"} for records.

    Raises:
        DeployError: no adb, no device or several, one that is not authorised or offline, or no tool.
    """

    def __init__(self, serial=None, benchmark_model=None):
        self._adb = shutil.which("adb")
        if self._adb is None:
            raise DeployError("adb is not on PATH: install Android's platform tools.")
        self._serial = None
        self._serial = _chosen(self._run("devices"), serial)
        if benchmark_model is not None:
            if not Path(benchmark_model).is_file():
                raise DeployError(f"--benchmark_model={benchmark_model} does not exist.")
            self._run("push", str(benchmark_model), BINARY)
            self._shell("chmod", "+x", BINARY)
        elif "yes" not in self._shell(f"[ -x {BINARY} ] && echo yes || echo no"):
            raise DeployError(
                f"there is no {BINARY} on device {self._serial}: download benchmark_model for its CPU "
                '(LiteRT\'s documentation, page "Performance measurement") and give its path with '
                "--benchmark_model=FILE."
            )
        self.description = {
            "kind": "adb",
            "serial": self._serial,
            "cpu": self._property("ro.product.model"),
            "android": self._property("ro.build.version.release"),
        }

    def measure(self, files, threads=1, runs=200, rounds=1, on_round=None):
        """Times files in turns; see `timing.measure_interleaved`.

        Percentiles of several rounds cannot be joined, so a `Latency` holds the median of the
        rounds' values.

        Returns:
            {name: `Timing`}; a round's median is its mean where the tool prints no median.
        """
        turns = {name: [] for name in files}
        for number in range(rounds):
            for name, content in files.items():
                turns[name].append(self.run(content, threads, -(-runs // rounds)).latency)
            if on_round is not None:
                on_round(number + 1, rounds)
        return {name: _joined(latencies) for name, latencies in turns.items()}

    def run(self, content, threads, runs):
        """Pushes one file and times it once; returns a `DeviceTiming`.

        Raises:
            DeployError: adb or the tool failed.
        """
        remote = f"{FOLDER}/rnascl_model.tflite"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.tflite")
            path.write_bytes(content)
            self._run("push", str(path), remote)
        output = self._shell(
            BINARY,
            f"--graph={remote}",
            f"--num_threads={threads}",
            f"--num_runs={runs}",
            f"--warmup_runs={WARMUP}",
            "--use_xnnpack=true",
        )
        return parse_benchmark_model(output, threads)

    def cold_start(self, content, threads):
        """Returns the `ColdStart` of a file, as the tool tells it."""
        return self.run(content, threads, 1).cold_start

    def _property(self, name):
        return self._shell("getprop", name).strip()

    def _shell(self, *words):
        return self._run("shell", *words)

    def _run(self, *words):
        chosen = ["-s", self._serial] if self._serial else []
        try:
            done = subprocess.run(
                [self._adb, *chosen, *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DeployError(
                f"adb {words[0]} did not end within {_SECONDS} s: is the device awake?"
            ) from error
        if done.returncode != 0:
            last = (done.stdout.strip().splitlines() or ["no message"])[-1]
            raise DeployError(f"adb {words[0]} failed ({last[:200]}).")
        return done.stdout


def _joined(latencies):
    values = {}
    for field in dataclasses.fields(latencies[0]):
        of_rounds = [getattr(latency, field.name) for latency in latencies]
        values[field.name] = None if None in of_rounds else statistics.median(of_rounds)
    values["runs"] = sum(latency.runs for latency in latencies)
    medians = tuple(
        latency.mean_ms if latency.p50_ms is None else latency.p50_ms for latency in latencies
    )
    return Timing(dataclasses.replace(latencies[0], **values), medians)


def _chosen(listing, serial):
    """Returns the serial of the one device that is meant and ready."""
    states = {}
    for line in listing.splitlines():
        parts = line.split("\t")
        if len(parts) == 2:
            states[parts[0].strip()] = parts[1].strip()
    if serial is None and len(states) > 1:
        names = ", ".join(states)
        raise DeployError(f"several devices are connected ({names}): give --device=adb:SERIAL.")
    if not states:
        raise DeployError("no device is connected: plug one in and switch USB debugging on.")
    if serial is not None and serial not in states:
        raise DeployError(f"device {serial} is not connected; there is {', '.join(states)}.")
    chosen = serial or next(iter(states))
    if states[chosen] == "unauthorized":
        raise DeployError(f"device {chosen} is unauthorized: allow USB debugging on its screen.")
    if states[chosen] != "device":
        raise DeployError(f"device {chosen} is {states[chosen]}: reconnect it.")
    return chosen
