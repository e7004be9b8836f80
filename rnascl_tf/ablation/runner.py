"""Runs of the main command as processes of their own, several at a time.

Two single-threaded runs get more out of two cores than one run with two threads, whose layers are too
small to share: 1.8 against 3.2 ms an image for a training step of S3, measured once.
"""

import concurrent.futures
import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Job:
    """One call of the main command.

    Attributes:
        name: for messages.
        arguments: of the main command; they include `--workdir`.
        log: gets everything it prints, after what an earlier try has printed.
    """

    name: str
    arguments: tuple[str, ...]
    log: Path


def run_jobs(
    jobs: Sequence[Job],
    at_once: int,
    on_done: Callable[[Job, str | None], None] = lambda job, failure: None,
) -> dict[Job, str]:
    """Runs jobs, `at_once` of them at a time, each with its share of the cores.

    Args:
        jobs: a failing one does not stop the others.
        at_once: 1 or more.
        on_done: called with each job that has ended, and None or the line that says why it failed.

    Returns:
        {job: the line that says why it failed}, of those that did.
    """
    processes: set[subprocess.Popen] = set()
    stopping = threading.Event()
    at_once = max(1, min(at_once, len(jobs)))
    threads = str(max(1, (os.cpu_count() or 1) // at_once))
    environment = {
        **os.environ,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "OMP_NUM_THREADS": threads,
    }

    def start(job: Job) -> str | None:
        if stopping.is_set():
            return None
        job.log.parent.mkdir(parents=True, exist_ok=True)
        printed_before = job.log.stat().st_size if job.log.exists() else 0
        command = [sys.executable, "-m", "rnascl_tf", *job.arguments]
        with job.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=environment,
                # A terminal's Ctrl-C would reach it once from there and once from here, and a second
                # one ends it without saving.
                start_new_session=True,
            )
            processes.add(process)
            code = process.wait()
        processes.discard(process)
        return None if code == 0 else _reason(job, code, printed_before)

    failures = {}
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        running = {pool.submit(start, job): job for job in jobs}
        try:
            for future in concurrent.futures.as_completed(running):
                job, failure = running[future], future.result()
                if failure:
                    failures[job] = failure
                on_done(job, failure)
        except BaseException:
            # Also on Ctrl-C: the runs resume at their last epoch when the command is given again.
            stopping.set()
            for process in list(processes):
                process.send_signal(signal.SIGINT)  # as Ctrl-C: each tidies up what it was writing
            raise
    return failures


def _reason(job: Job, code: int, printed_before: int) -> str:
    lines = job.log.read_bytes()[printed_before:].decode(errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    last = errors[-1].removeprefix("error: ") if errors else (lines or ["it printed nothing"])[-1]
    return f"{last} (exit code {code}; all it printed is in {job.log})"
