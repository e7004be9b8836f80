"""What `make demo` runs, in a real process: minutes against 6, peak memory against 3 GB."""

import resource
import subprocess
import sys
import tempfile
import time

from benchmarks.ratio import once

MINUTES, GIGABYTES = 6, 3


def run():
    """Returns the list of this file's ratios, of one round: it takes minutes."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [sys.executable, "-m", "rnascl_tf", "--config=digits", f"--workdir={folder}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        minutes = (time.perf_counter() - started) / 60
    # In kibibytes on Linux; the maximum over all children, of which this is the only one.
    gigabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    return [
        once("demo_time", minutes / MINUTES, baseline=f"{MINUTES} minutes"),
        once("demo_peak_memory", gigabytes / GIGABYTES, baseline=f"{GIGABYTES} GB"),
    ]
