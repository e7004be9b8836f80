"""The main job as a cluster on this machine: `rnascl launch --workers=2 -- ARGUMENTS`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.command_line import CommandFlags, FlagError

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
    position = list(arguments).index("--") if "--" in arguments else len(arguments)
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
    return jobs.launch_workers(asked.workers, passed_on)
