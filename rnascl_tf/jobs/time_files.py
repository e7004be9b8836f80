"""How long TFLite files take, on this machine or on an Android device.

With a folder it writes `latency.json`: device, versions, and for each file and number of threads all
that the tables show, and the median of every round.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

from rnascl_tf import deploy
from rnascl_tf.console import console, print_whole, progress
from rnascl_tf.files import require_file, writable_folder, write_json
from rnascl_tf.record import TimedDevice, git_commit, versions

SCHEMA = 1
_PER_CORE = 8
# The interpreter starts all threads that it is told to, and ends the process if the system refuses.
MOST_THREADS = _PER_CORE * (os.cpu_count() or 1)


def time_files(
    paths: Sequence[str | Path],
    *,
    threads: Sequence[int] = (1,),
    runs: int = 500,
    rounds: int = 10,
    device: str = "local",
    benchmark_model: str | Path | None = None,
    out: str | Path | None = None,
) -> list[deploy.TimedFile]:
    """Times TFLite classifiers, one image at a time, interleaved.

    Args:
        paths: .tflite files.
        threads: numbers of CPU threads.
        runs: measured inferences of each file and number of threads.
        rounds: rounds that they are divided into.
        device: "local", "adb" or "adb:SERIAL".
        benchmark_model: for adb: path of Google's tool, which is pushed; None: it is there already.
        out: folder for `latency.json`, or None.

    Returns:
        One for each number of threads and file.

    Raises:
        UserError: a file, the device, the folder or a number cannot be used.
    """
    threads = _checked_threads(threads)
    folder = None if out is None else writable_folder("out", out)
    for path in paths:
        require_file(path, "a .tflite file that export wrote")
    files = _read(paths)
    target = deploy.device_named(device, benchmark_model)
    is_local = target.description.is_local
    if is_local and max(threads) > MOST_THREADS:
        raise deploy.DeployError(
            f"--threads={max(threads)}: give at most {MOST_THREADS}, {_PER_CORE} for each core here."
        )
    if is_local and max(threads) > (os.cpu_count() or 1):
        logging.warning("more threads are asked for than this machine's %d cores", os.cpu_count())
    results = []
    with progress("latency", "rounds") as on_round:
        for count in threads:
            name_of_count = f"{count} thread{'' if count == 1 else 's'}"
            timings = target.measure(
                files,
                count,
                runs,
                rounds,
                on_round=lambda *done, name=name_of_count: on_round(name, *done),
            )
            first = next(iter(timings.values()))
            for name, timing in timings.items():
                cold_start = target.cold_start(files[name], count)
                ratio = timing.ratio_to(first)
                results.append(deploy.TimedFile(name, timing, cold_start, ratio))
    delegations = {name: deploy.delegation(content) for name, content in files.items()}
    _print(results, files, delegations, target.description)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        record = _record(target.description, files, delegations, results)
        write_json(folder / "latency.json", record)
        console.print(f"Written to {folder / 'latency.json'}", soft_wrap=True, markup=False)
    return results


def _checked_threads(threads: Sequence[int]) -> list[int]:
    if not threads or min(threads) < 1:
        given = ",".join(map(str, threads))
        raise deploy.DeployError(f"--threads={given}: give numbers of 1 or more.")
    return list(dict.fromkeys(threads))


def _read(paths: Sequence[str | Path]) -> dict[str, bytes]:
    """Returns {name: content}; whole paths as names if two files have the same name."""
    contents: dict[Path, bytes] = {}
    for path in map(Path, dict.fromkeys(map(str, paths))):
        contents[path] = path.read_bytes()
        try:
            classifier = deploy.TFLiteClassifier(contents[path])
            logits = classifier.predict(np.full((1, *classifier.input_shape), 0.5, np.float32))
        except deploy.DeployError as error:
            raise deploy.DeployError(f"{path}: {error}") from error
        if not np.isfinite(logits).all():
            raise deploy.DeployError(
                f"{path} answers NaN or infinity: it is damaged (`sha256sum -c SHA256SUMS` in its "
                "folder tells), or the network's training has diverged."
            )
    short = {path.name for path in contents}
    return {
        path.name if len(short) == len(contents) else str(path): content
        for path, content in contents.items()
    }


def _print(
    results: Sequence[deploy.TimedFile],
    files: Mapping[str, bytes],
    delegations: Mapping[str, deploy.Delegation],
    device: TimedDevice,
) -> None:
    from rnascl_tf.report.timing_table import delegation_lines, timing_table

    print_whole(timing_table(results, device.cpu))
    for name, delegation in delegations.items():
        for line in delegation_lines(name, len(files[name]), delegation, device.is_local):
            console.print(line, soft_wrap=True, markup=False)


def _record(
    device: TimedDevice,
    files: Mapping[str, bytes],
    delegations: Mapping[str, deploy.Delegation],
    results: Sequence[deploy.TimedFile],
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "device": device.to_json(),
        "versions": versions(),
        "git_commit": git_commit(),
        "files": {
            name: {
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "delegation": dataclasses.asdict(delegations[name]),
            }
            for name, content in files.items()
        },
        "results": [result.to_json() for result in results],
    }
