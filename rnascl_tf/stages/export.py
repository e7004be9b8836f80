"""Export stage: SavedModel and TFLite files of the student, each checked against Keras and timed."""

import dataclasses
import hashlib

import keras

from rnascl_tf.atomic import write_text
from rnascl_tf.deploy import (
    TFLiteClassifier,
    agreement,
    convert,
    export_saved_model,
    measure_latency,
)
from rnascl_tf.robustness import wilson_interval


def run(run):
    """Writes `DIR/export/saved_model/`, `student_<kind>.tflite` and `labels.txt`."""
    settings = run.config.export
    student = keras.models.load_model(run.need("train", "student.keras"))
    folder = run.folder("export")
    export_saved_model(student, folder / "saved_model")
    write_text(folder / "labels.txt", "\n".join(run.dataset.class_names) + "\n")
    test = run.dataset.test.evenly_spaced(min(run.config.evaluate.examples, len(run.dataset.test)))
    calibration = run.dataset.train.evenly_spaced(min(200, len(run.dataset.train)))
    reference = student.predict(test.as_float(), batch_size=100, verbose=0)
    exports = []
    for kind in settings.kinds:
        content = convert(folder / "saved_model", kind, calibration.as_float())
        path = folder / f"student_{kind}.tflite"
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(content)
        partial.replace(path)
        logits = TFLiteClassifier(content).predict(test.as_float())
        correct = int((logits.argmax(-1) == test.labels).sum())
        exports.append(
            {
                "file": str(path.relative_to(run.workdir)),
                "kind": kind,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "agreement": dataclasses.asdict(agreement(reference, logits)),
                "clean": {
                    "accuracy": correct / len(test),
                    "n": len(test),
                    "interval": list(wilson_interval(correct, len(test))),
                },
                "latency": dataclasses.asdict(
                    measure_latency(content, settings.threads, settings.runs)
                ),
            }
        )
    run.record["exports"] = exports
