"""The command `rnascl latency`: how long TFLite files take, here or on a device.

Writes `DIR/latency.json` with --out: device, versions, and for each file and number of threads all
that the tables show, and the median of every round.
"""

import dataclasses
import hashlib
import os
from pathlib import Path

import numpy as np
import rich.box
import rich.table
from absl import logging

from rnascl_tf import command_line
from rnascl_tf.command_line import CommandFlags, FlagError, writable_folder
from rnascl_tf.console import console, print_whole, progress
from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier
from rnascl_tf.deploy.latency.device import device_named
from rnascl_tf.deploy.xnnpack_delegation import delegation
from rnascl_tf.files import write_json
from rnascl_tf.record import git_commit, versions

SCHEMA = 1
_PER_CORE = 8
# The interpreter starts as many as it is told to, and ends the process where the system has no more.
MOST_THREADS = _PER_CORE * (os.cpu_count() or 1)
USAGE = """
Time TFLite classifiers, one image at a time: on this machine, or on an Android device.

usage: rnascl latency --model=FILE.tflite[,FILE2.tflite...]
           [--threads=1,2,4] [--runs=500] [--device=local|adb[:SERIAL]] [--out=DIR]

Several files are timed interleaved and compared with the first: the ratio of each round's medians,
with its quartiles. Memory, loading and the first run are measured in a process that has the
interpreter alone. --device=adb pushes each file and runs Google's benchmark_model on it.
"""


def main(arguments):
    """Runs the command; returns its exit code."""
    return command_line.run(
        _command,
        arguments,
        "interrupted; nothing is written before the end.",
    )


def _flags():
    command = CommandFlags(USAGE)
    command.names("model", "The .tflite files, with commas.", needed="FILE.tflite")
    command.numbers("threads", "Numbers of CPU threads.", (1,), int)
    command.whole("runs", "Measured inferences of each file and number of threads.", 500, 1)
    command.whole("rounds", "Rounds that they are divided into.", 10, 1)
    command.text("device", "local, adb, or adb:SERIAL.", "local")
    command.text("benchmark_model", "Path of benchmark_model for the device, which is pushed.")
    command.text("out", "Folder for latency.json.")
    return command


def _command(arguments):
    asked = _flags().parse(arguments)
    if asked is None:
        return
    threads = _threads(asked.threads)
    out = None if asked.out is None else writable_folder("out", asked.out)
    files = _files(asked.model)
    target = device_named(asked.device, asked.benchmark_model)
    if target.description["kind"] == "local" and max(threads) > MOST_THREADS:
        raise FlagError(
            f"--threads={max(threads)}: give at most {MOST_THREADS}, {_PER_CORE} for each core here."
        )
    if target.description["kind"] == "local" and max(threads) > os.cpu_count():
        logging.warning("more threads than this machine's %d cores are asked for", os.cpu_count())
    results = []
    with progress("latency", "rounds") as on_round:
        for count in threads:
            timings = target.measure(
                files,
                count,
                asked.runs,
                asked.rounds,
                on_round=lambda *done, count=count: on_round(_counted(count), *done),
            )
            for name, timing in timings.items():
                results.append(_result(target, name, files[name], count, timing, timings))
    shares = {name: delegation(content) for name, content in files.items()}
    _print(results, files, shares, target)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "latency.json", _record(target, files, shares, results))
        console.print(f"Written to {out / 'latency.json'}", soft_wrap=True, markup=False)


def _threads(numbers):
    if not numbers or min(numbers) < 1:
        given = ",".join(map(str, numbers or ()))
        raise FlagError(f"--threads={given}: give numbers of 1 or more.")
    return list(dict.fromkeys(numbers))


def _files(paths):
    """Returns {name: content}; names are paths where files' names alone would be the same."""
    contents = {}
    for text in dict.fromkeys(paths):
        path = Path(text)
        if not path.is_file():
            raise DeployError(f"{path} is no file; give a .tflite file that export wrote.")
        contents[path] = path.read_bytes()
        try:
            classifier = TFLiteClassifier(contents[path])
            logits = classifier.predict(np.full((1, *classifier.input_shape), 0.5, np.float32))
        except DeployError as error:
            raise DeployError(f"{path}: {error}") from error
        if not np.isfinite(logits).all():
            raise DeployError(
                f"{path} answers NaN or infinity: it is damaged (sha256sum -c SHA256SUMS beside it "
                "tells), or the network's training has diverged."
            )
    short = {path.name for path in contents}
    return {
        path.name if len(short) == len(contents) else str(path): content
        for path, content in contents.items()
    }


def _result(target, name, content, threads, timing, timings):
    first = next(iter(timings.values()))
    return {
        "file": name,
        **dataclasses.asdict(timing.latency),
        **dataclasses.asdict(target.cold_start(content, threads)),
        "ratio": timing.ratio_to(first),
        "round_medians_ms": list(timing.round_medians_ms),
    }


def _print(results, files, shares, target):
    where = target.description
    table = rich.table.Table(
        title=f"One image at a time on {where['cpu']}, milliseconds", box=rich.box.SIMPLE_HEAD
    )
    table.add_column("file")
    for column in ("threads", "p50", "p90", "p95", "mean", "to the first", "load", "first run"):
        table.add_column(column, justify="right")
    table.add_column("added MiB", justify="right")
    several = len({row["file"] for row in results}) > 1
    for row in results:
        middle, low, high = row["ratio"]
        table.add_row(
            row["file"],
            str(row["threads"]),
            *(_shown(row[f"{name}_ms"]) for name in ("p50", "p90", "p95", "mean")),
            f"{middle:.2f} ({low:.2f} to {high:.2f})" if several else "-",
            _shown(row["load_ms"]),
            _shown(row["first_ms"]),
            f"{row['peak_bytes'] / 2**20:.1f}" if row["peak_bytes"] else "-",
        )
    print_whole(table)
    for name, share in shares.items():
        total, left = sum(share.operators.values()), sum(share.not_delegated.values())
        operators = ", ".join(f"{count} {name}" for name, count in share.operators.items())
        # The device's own interpreter may divide it otherwise; benchmark_model does not say how.
        where_divided = "" if where["kind"] == "local" else " by the interpreter here"
        console.print(
            f"{name}: {len(files[name]) / 2**10:.1f} KiB; {total - left} of {total} operators "
            f"delegated to XNNPACK in {share.pieces} piece(s){where_divided} ({operators})",
            soft_wrap=True,
            markup=False,
        )
        if share.advice:
            console.print(f"{name}: {share.advice}", soft_wrap=True, markup=False)


def _record(target, files, shares, results):
    return {
        "schema": SCHEMA,
        "device": target.description,
        "versions": versions(),
        "git_commit": git_commit(),
        "files": {
            name: {
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "delegation": dataclasses.asdict(shares[name]),
            }
            for name, content in files.items()
        },
        "results": results,
    }


def _counted(threads):
    return f"{threads} thread{'' if threads == 1 else 's'}"


def _shown(milliseconds):
    return "-" if milliseconds is None else f"{milliseconds:.3f}"
