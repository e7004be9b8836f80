"""An Android device connected through `adb`, where Google's `benchmark_model` times TFLite files."""

import contextlib
import dataclasses
import hashlib
import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.latency.benchmark_model_output import DeviceTiming, parse_benchmark_model
from rnascl_tf.deploy.latency.cold_start import ColdStart
from rnascl_tf.deploy.latency.timing import WARMUP, Latency, Timing
from rnascl_tf.record import TimedDevice

FOLDER = "/data/local/tmp"
BINARY = f"{FOLDER}/benchmark_model"
_SECONDS = 600


class AdbDevice:
    """One device, and the tool on it.

    Args:
        serial: the device's serial number; None if only one is connected.
        benchmark_model: path of the tool's binary for the device, which is then pushed; None if it is
            on the device already, at /data/local/tmp/benchmark_model.

    Attributes:
        description: for records. The runtime is the tool, identified by the start of its SHA-256,
            because it has no version. Before Android 6, devices report neither cores (None) nor the
            SHA-256 ("unknown").

    Raises:
        DeployError: there is no adb, no device or several, or no tool; or the device is offline or not
            authorised.
    """

    def __init__(
        self, serial: str | None = None, benchmark_model: str | Path | None = None
    ) -> None:
        adb = shutil.which("adb")
        if adb is None:
            raise DeployError("adb is not on PATH: install Android's platform tools.")
        self._adb = adb
        self._serial: str | None = None
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
        self.description = TimedDevice(
            kind="adb",
            serial=self._serial,
            cpu=self._property("ro.product.model"),
            cores=self._cores(),
            android=self._property("ro.build.version.release"),
            runtime=f"benchmark_model {self._tool_sha256()}",
        )

    def measure(
        self,
        files: Mapping[str, bytes],
        threads: int = 1,
        runs: int = 200,
        rounds: int = 1,
        on_round: Callable[[int, int], object] | None = None,
    ) -> dict[str, Timing]:
        """Times files interleaved; see `timing.measure_interleaved`.

        Percentiles of several rounds cannot be combined, so a `Latency` holds the median of the
        rounds' values. The tool runs for at least a second, and therefore often longer than asked.

        Returns:
            {name: times}; a round's median is its mean if the tool prints no median.
        """
        for name, value in (("threads", threads), ("runs", runs), ("rounds", rounds)):
            if value < 1:
                raise DeployError(f"{name} must be 1 or more, got {value}.")
        rounds = min(rounds, runs)
        measured: dict[str, list[Latency]] = {name: [] for name in files}
        names = list(files)
        with self._pushed(files) as remotes:
            for number in range(rounds):
                # Each round starts with another file, so that none always meets the warmest device.
                first = number % len(names)
                for name in names[first:] + names[:first]:
                    output = self._time(remotes[name], threads, -(-runs // rounds))
                    measured[name].append(output.latency)
                if on_round is not None:
                    on_round(number + 1, rounds)
        return {name: _joined(latencies) for name, latencies in measured.items()}

    def cold_start(self, content: bytes, threads: int) -> ColdStart:
        """Returns what the tool says about the start of a file."""
        with self._pushed({"": content}) as remotes:
            return self._time(remotes[""], threads, 1).cold_start

    @contextlib.contextmanager
    def _pushed(self, files: Mapping[str, bytes]) -> Iterator[dict[str, str]]:
        """Yields {name: the content's path on the device}, and removes the files again."""
        remotes: dict[str, str] = {}
        try:
            for name, content in files.items():
                remotes[name] = self._push(content)
            yield remotes
        finally:
            # If the device has failed, its first error is the one to show.
            with contextlib.suppress(DeployError):
                self._shell("rm", "-f", *sorted(set(remotes.values())))

    def _push(self, content: bytes) -> str:
        """Returns the content's path on the device, under a unique name."""
        remote = f"{FOLDER}/rnascl_{hashlib.sha256(content).hexdigest()[:16]}.tflite"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.tflite")
            path.write_bytes(content)
            self._run("push", str(path), remote)
        return remote

    def _time(self, remote: str, threads: int, runs: int) -> DeviceTiming:
        output = self._shell(
            BINARY,
            f"--graph={remote}",
            f"--num_threads={threads}",
            f"--num_runs={runs}",
            f"--warmup_runs={WARMUP}",
            "--use_xnnpack=true",
        )
        return parse_benchmark_model(output, threads)

    def _cores(self) -> int | None:
        found = re.match(r"(\d+)\s*$", self._shell("nproc || true"))
        return int(found[1]) if found else None

    def _tool_sha256(self) -> str:
        found = re.match(r"[0-9a-f]{12}", self._shell(f"sha256sum {BINARY} || true"))
        return found[0] if found else "unknown"

    def _property(self, name: str) -> str:
        return self._shell("getprop", name).strip()

    def _shell(self, *words: str) -> str:
        return self._run("shell", *words)

    def _run(self, *words: str) -> str:
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


def _joined(latencies: Sequence[Latency]) -> Timing:
    values: dict[str, Any] = {"runs": sum(latency.runs for latency in latencies)}
    for name in ("mean_ms", "p50_ms", "p90_ms", "p95_ms"):
        of_rounds = [getattr(latency, name) for latency in latencies]
        values[name] = None if None in of_rounds else statistics.median(of_rounds)
    medians = tuple(
        latency.mean_ms if latency.p50_ms is None else latency.p50_ms for latency in latencies
    )
    return Timing(dataclasses.replace(latencies[0], **values), medians)


def _chosen(listing: str, serial: str | None) -> str:
    """Returns the serial number of the one device that is chosen and ready."""
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
