"""`rnascl launch --workers=2 -- ARGUMENTS`: the main command as a cluster on this machine.

For trying what several machines do: every worker is a process of its own, reached over loopback.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rnascl_tf import command_line
from rnascl_tf.command_line import CommandFlags, FlagError

USAGE = """
Run the main command as several worker processes on this machine, to try what a cluster would do.

usage: rnascl launch --workers=2 -- --config=RECIPE --workdir=DIR [...]

What follows -- goes to every worker, with --strategy=multi_worker. Worker 0, the chief, writes the
files and to this console; another's output is shown when it fails. Ctrl-C or SIGTERM lets all of them
finish their step and save. For real machines see docs/cluster.md.

exit code: that of the main command; 1 when a worker was lost (the same command resumes).
"""

GRACE_SECONDS = 60
"""How long workers may take to end by themselves when one of them is gone."""


def main(arguments):
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments, "stopped.")


def _command(arguments):
    position = arguments.index("--") if "--" in arguments else len(arguments)
    command = CommandFlags(USAGE)
    command.whole("workers", "Number of worker processes.", 2, 1)
    try:
        asked = command.parse(arguments[:position])
    except FlagError as error:
        raise FlagError(f"{error} The main command's arguments go after `--`.") from error
    if asked is None:
        return 0
    passed_on = arguments[position + 1 :]
    if not passed_on:
        raise FlagError("the main command's arguments are missing: give them after `--`.")
    if any(argument.lstrip("-").partition("=")[0] == "strategy" for argument in passed_on):
        raise FlagError("--strategy is multi_worker here: leave it out.")
    return run_workers(asked.workers, passed_on)


def run_workers(count, arguments):
    """Runs the main command as `count` local workers and returns its exit code.

    Args:
        count: number of processes.
        arguments: the main command's, without `--strategy`.
    """
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    workers = []
    with tempfile.TemporaryDirectory() as folder, _forwarded_signals(workers):
        for index in range(count):
            workers.append(_start(index, addresses, arguments, folder))
        return _wait(workers, folder)


def _start(index, addresses, arguments, folder):
    task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(_output(folder, index).open("wb")) if index else None
        return subprocess.Popen(
            [sys.executable, "-m", "rnascl_tf", *arguments, "--strategy=multi_worker"],
            env={**os.environ, "TF_CONFIG": json.dumps(task)},
            stdout=output,
            stderr=output,
            # A terminal's Ctrl-C would reach the workers once from it and once from here.
            start_new_session=True,
        )


def _output(folder, index):
    return Path(folder) / f"worker_{index}.log"


def _wait(workers, folder):
    """Returns the first exit code that is not 0, once all have ended; lets none outlive another."""
    failed = None
    while any(worker.poll() is None for worker in workers):
        time.sleep(0.2)
        gone = [i for i, worker in enumerate(workers) if worker.poll() not in (None, 0)]
        if gone and failed is None:
            failed = gone[0], time.monotonic()
        if failed and time.monotonic() - failed[1] > GRACE_SECONDS:
            for worker in workers:
                worker.kill()
    if failed is None:
        return 0
    index, _ = failed
    code = workers[index].returncode
    if workers[0].returncode == code > 0:
        index = 0  # what both have to say is on the console already
    printed = _output(folder, index).read_text(errors="replace").splitlines() if index else []
    if printed:
        print(f"worker {index} printed last:", *printed[-20:], sep="\n", file=sys.stderr)
    if code < 0:
        name = signal.Signals(-code).name
        print(f"worker {index} was ended by {name}; the same command resumes.", file=sys.stderr)
        return 1
    return code


@contextlib.contextmanager
def _forwarded_signals(workers):
    """Within it SIGINT and SIGTERM go to every worker; at its end none is left."""

    def forward(number, frame):
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for worker in workers:
            if worker.poll() is None:
                worker.kill()


def free_ports(count):
    """Returns so many ports of this machine that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
