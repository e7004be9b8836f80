"""The main job as a cluster on this machine: `rnascl launch --workers=2 -- ARGUMENTS`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.command_line import ForwardingFlags

USAGE = """
Run the main job as several worker processes on this machine, to try what a cluster would do.

usage: rnascl launch --workers=2 -- --config=RECIPE --workdir=DIR [...]

What follows -- are arguments of `rnascl run`; every worker gets them, and --strategy=multi_worker.
Worker 0, the chief, writes the files and prints here. Another worker's output is shown if it fails.
Ctrl-C or SIGTERM lets all of them finish their step and save. For real machines see docs/cluster.md.

exit code: that of the main job; 1 if a worker was lost (the same command resumes).
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments, "stopped.")


def _command(arguments: Sequence[str]) -> int:
    command = ForwardingFlags(USAGE, {"strategy": "multi_worker"})
    command.whole("workers", "Number of worker processes.", 2, 1)
    asked = command.parse(arguments)
    return 0 if asked is None else jobs.launch_workers(asked.workers, command.forwarded)
