"""How long TFLite files take, here or on a device: `rnascl latency --model=FILE.tflite`."""

from collections.abc import Sequence

from rnascl_tf import command_line, jobs
from rnascl_tf.command_line import CommandFlags

USAGE = """
Time TFLite classifiers, one image at a time: on this machine, or on an Android device.

usage: rnascl latency --model=FILE.tflite[,FILE2.tflite...]
           [--threads=1,2,4] [--runs=500] [--device=local|adb[:SERIAL]] [--out=DIR]

Several files are timed interleaved and compared with the first: the ratio of each round's medians,
with its quartiles. Memory, loading and the first run are measured in a process with nothing
but the interpreter. --device=adb pushes each file and runs Google's benchmark_model on it.
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments, "interrupted; nothing is written before the end.")


def _command(arguments: Sequence[str]) -> None:
    command = CommandFlags(USAGE)
    command.names("model", "The .tflite files, with commas.", needed="FILE.tflite")
    command.numbers("threads", "Numbers of CPU threads.", (1,), int)
    command.whole("runs", "Measured inferences of each file and number of threads.", 500, 1)
    command.whole("rounds", "Rounds that they are divided into.", 10, 1)
    command.text("device", "local, adb, or adb:SERIAL.", "local")
    command.text("benchmark_model", "Path of benchmark_model for the device, which is pushed.")
    command.text("out", "Folder for latency.json.")
    asked = command.parse(arguments)
    if asked is not None:
        jobs.time_files(
            asked.model,
            threads=asked.threads or (),
            runs=asked.runs,
            rounds=asked.rounds,
            device=asked.device,
            benchmark_model=asked.benchmark_model,
            out=asked.out,
        )
