"""The process that `cold_start` starts: runs one TFLite file with the interpreter alone.

It is started by its path, because importing it as part of the package could import TensorFlow.
Arguments: the file's path and the number of threads. Prints one line of JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def peak_bytes() -> int:
    """Returns the peak resident memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux getrusage also counts the process that this one was forked from.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Loads the file and runs it 21 times."""
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
