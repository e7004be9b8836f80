"""An Android device behind `adb`, on which Google's `benchmark_model` times TFLite files."""

import contextlib
import dataclasses
import hashlib
import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.latency.benchmark_model_output import parse_benchmark_model
from rnascl_tf.deploy.latency.timing import WARMUP, Timing

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
        description: {"kind", "serial", "cpu", "cores", "android", "runtime"} for records; the
            runtime is the tool, by the start of its SHA-256, for it has no version. Devices before
            Android 6 tell neither cores (None) nor the SHA-256 ("unknown").

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
            "cores": self._cores(),
            "android": self._property("ro.build.version.release"),
            "runtime": f"benchmark_model {self._tool_sha256()}",
        }

    def measure(self, files, threads=1, runs=200, rounds=1, on_round=None):
        """Times files in turns; see `timing.measure_interleaved`.

        Percentiles of several rounds cannot be joined, so a `Latency` holds the median of the
        rounds' values. The tool runs for a second at least, and so often more than it is told.

        Returns:
            {name: `Timing`}; a round's median is its mean where the tool prints no median.
        """
        for name, value in (("threads", threads), ("runs", runs), ("rounds", rounds)):
            if value < 1:
                raise DeployError(f"{name} must be 1 or more, got {value}.")
        rounds = min(rounds, runs)
        turns = {name: [] for name in files}
        names = list(files)
        with self._pushed(files) as remotes:
            for number in range(rounds):
                # Another file begins each time, so that none always has the warmest device.
                first = number % len(names)
                for name in names[first:] + names[:first]:
                    output = self._time(remotes[name], threads, -(-runs // rounds))
                    turns[name].append(output.latency)
                if on_round is not None:
                    on_round(number + 1, rounds)
        return {name: _joined(latencies) for name, latencies in turns.items()}

    def cold_start(self, content, threads):
        """Returns the `ColdStart` of a file, as the tool tells it."""
        with self._pushed({"": content}) as remotes:
            return self._time(remotes[""], threads, 1).cold_start

    @contextlib.contextmanager
    def _pushed(self, files):
        """Gives {name: where the content lies on the device}, and takes the files off again."""
        remotes = {}
        try:
            for name, content in files.items():
                remotes[name] = self._push(content)
            yield remotes
        finally:
            # Where the device has failed, its first complaint is the one to show.
            with contextlib.suppress(DeployError):
                self._shell("rm", "-f", *sorted(set(remotes.values())))

    def _push(self, content):
        """Returns where the content lies on the device, under a name of its own."""
        remote = f"{FOLDER}/rnascl_{hashlib.sha256(content).hexdigest()[:16]}.tflite"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.tflite")
            path.write_bytes(content)
            self._run("push", str(path), remote)
        return remote

    def _time(self, remote, threads, runs):
        output = self._shell(
            BINARY,
            f"--graph={remote}",
            f"--num_threads={threads}",
            f"--num_runs={runs}",
            f"--warmup_runs={WARMUP}",
            "--use_xnnpack=true",
        )
        return parse_benchmark_model(output, threads)

    def _cores(self):
        found = re.match(r"(\d+)\s*$", self._shell("nproc || true"))
        return int(found[1]) if found else None

    def _tool_sha256(self):
        found = re.match(r"[0-9a-f]{12}", self._shell(f"sha256sum {BINARY} || true"))
        return found[0] if found else "unknown"

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
    values = {"runs": sum(latency.runs for latency in latencies)}
    for name in ("mean_ms", "p50_ms", "p90_ms", "p95_ms"):
        of_rounds = [getattr(latency, name) for latency in latencies]
        values[name] = None if None in of_rounds else statistics.median(of_rounds)
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
