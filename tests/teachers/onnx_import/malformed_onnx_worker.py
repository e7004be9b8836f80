"""Imports ONNX files one after the other and prints what came of each; run by a test, as a process.

Usage: python malformed_onnx_worker.py LIMIT_SECONDS < names of files, one a line

A native crash ends the process, and so does an import or comparison that takes ten times the limit:
the last line printed then names the file. One that takes more processor time than the limit is "slow":
that is not the fault of other processes.
"""

import faulthandler
import sys
import time
from pathlib import Path

import numpy as np

import teachers


def outcome(path):
    """Returns "right", or the message with which a file was refused."""
    try:
        teacher = teachers.load_onnx(path)
        images = np.random.default_rng(3).random((2, *teacher.input_shape), dtype=np.float32)
        teacher.verify(images)
    except teachers.TeacherError as error:
        return f"refused {str(error)!r}"
    return "right"


def main(limit):
    """Reads names and prints outcomes, then the largest resident size in KiB."""
    for line in sys.stdin:
        path = line.rstrip("\n")
        print(path, end=" ", flush=True)
        faulthandler.dump_traceback_later(10 * limit, exit=True)
        started = time.process_time()
        result = outcome(path)
        spent = time.process_time() - started
        print(result if spent < limit else f"slow, {spent:.0f} seconds", flush=True)
        faulthandler.cancel_dump_traceback_later()
    # Not getrusage: its maximum begins at the size of the process that started this one.
    status = Path("/proc/self/status").read_text()
    print(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    main(float(sys.argv[1]))
