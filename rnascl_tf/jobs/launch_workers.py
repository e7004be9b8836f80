"""The main command as several worker processes on this machine, to try what a cluster would do.

Every worker is a process of its own, reached over loopback.
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
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 60
"""How long workers may take to end by themselves after one of them is gone."""


def launch_workers(count: int, arguments: Sequence[str]) -> int:
    """Runs the main command as local workers.

    SIGINT and SIGTERM are passed on to all of them.

    Args:
        count: number of processes, 1 or more.
        arguments: for the main command, without `--strategy`.

    Returns:
        The main command's exit code; 1 if a worker was lost.
    """
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    workers: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as name, _forwarded_signals(workers):
        folder = Path(name)
        for index in range(count):
            workers.append(_start(index, addresses, arguments, folder))
        return _wait(workers, folder)


def free_ports(count: int) -> list[int]:
    """Returns this number of ports of this machine that nothing uses now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _start(
    index: int, addresses: Sequence[str], arguments: Sequence[str], folder: Path
) -> subprocess.Popen[bytes]:
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


def _output(folder: Path, index: int) -> Path:
    return folder / f"worker_{index}.log"


def _wait(workers: Sequence[subprocess.Popen[bytes]], folder: Path) -> int:
    """Returns the first exit code that is not 0, once all have ended; kills those that hang."""
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
def _forwarded_signals(workers: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Passes SIGINT and SIGTERM to every worker; kills those that are left at the end."""

    def forward(number: int, _frame: FrameType | None) -> None:
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
