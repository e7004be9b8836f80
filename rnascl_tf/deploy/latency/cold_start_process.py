"""What `cold_start` runs in a process of its own: one TFLite file, with the interpreter alone.

Started by its path and not as part of the package, which would bring TensorFlow with it. Takes the
file's path and the number of threads; prints one line of JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def peak_bytes():
    """The largest resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage, which on Linux also counts the process that this one was forked from.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main():
    """Loads the file, runs it once and some more times."""
    before = peak_bytes()
    content = Path(sys.argv[1]).read_bytes()
    started = time.perf_counter()
    interpreter = Interpreter(model_content=content, num_threads=int(sys.argv[2]))
    interpreter.allocate_tensors()
    loaded = time.perf_counter()
    image = interpreter.get_input_details()[0]
    interpreter.set_tensor(image["index"], np.zeros(image["shape"], image["dtype"]))
    before_first = time.perf_counter()
    interpreter.invoke()
    first = time.perf_counter()
    for _ in range(20):
        interpreter.invoke()
    seconds = {"load_ms": loaded - started, "first_ms": first - before_first}
    answer = {name: 1000 * value for name, value in seconds.items()}
    print(json.dumps(answer | {"peak_bytes": peak_bytes() - before}))


if __name__ == "__main__":
    main()
