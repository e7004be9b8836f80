"""Imported teachers: a converted ResNet-18 against the native one; a WRN-34-10 file's import.

The import runs in a separate process. Its memory is the process' peak minus what it held before the
import, when all of TensorFlow was loaded; `/proc` counts it.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

import teachers
from benchmarks.ratio import measure, once

BATCH, CLASSES, SHAPE = 32, 10, (32, 32, 3)
ROUNDS = 15
SECONDS, FILE_SIZES = 20, 3
IMPORT = """
import json, sys, time
import teachers
from benchmarks.teacher import resident_bytes

teachers.from_keras(teachers.resnet(2, (8, 8, 3)))  # whatever any first model loads does not count
before = resident_bytes("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # forget the peak of the start-up
started = time.perf_counter()
teacher = teachers.load_onnx(sys.argv[1])
seconds = time.perf_counter() - started
print(json.dumps([seconds, resident_bytes("VmHWM") - before, len(teacher.tap_names)]))
"""


def run():
    """Returns the list of this file's ratios."""
    with tempfile.TemporaryDirectory() as folder:
        return [_forward(Path(folder)), *_import(Path(folder))]


def resident_bytes(field):
    """Returns VmRSS (now) or VmHWM (the peak) of this process in bytes; Linux only."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}.")


def _forward(folder):
    native = teachers.native.build("resnet18", CLASSES, SHAPE)
    path = folder / "resnet18.onnx"
    path.write_bytes(teachers.to_onnx(native))
    converted = teachers.load_onnx(path).classifier
    images = tf.constant(np.random.default_rng(0).random((BATCH, *SHAPE), dtype="float32"))
    return measure(
        "converted_resnet18",
        _call(converted, images),
        [_call(native, images)],
        baseline="the native Keras builder's forward pass",
        target=1.1,
        rounds=ROUNDS,
    )


def _call(model, images):
    forward = tf.function(lambda batch: model(batch, training=False))
    return lambda: forward(images).numpy()


def _import(folder):
    path = folder / "wide_resnet34_10.onnx"
    path.write_bytes(teachers.to_onnx(teachers.native.build("wide_resnet34_10", CLASSES, SHAPE)))
    command = [sys.executable, "-c", IMPORT, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, memory, _ = json.loads(done.stdout.splitlines()[-1])
    size = path.stat().st_size
    return [
        once("import_wrn34_10_time", seconds / SECONDS, baseline=f"{SECONDS} seconds"),
        once(
            "import_wrn34_10_memory",
            memory / size / FILE_SIZES,
            baseline=f"{FILE_SIZES} times the file",
        ),
    ]
