"""Export stage: SavedModel and TFLite files of the student, each checked against Keras and timed."""

import dataclasses
import hashlib

from rnascl_tf.atomic import write_bytes, write_text
from rnascl_tf.deploy import (
    TFLiteClassifier,
    agreement,
    convert,
    export_saved_model,
    measure_latency,
)
from rnascl_tf.report import progress
from rnascl_tf.robustness import adversarial_images, attack_named, wilson_interval
from rnascl_tf.stages.evaluate import STUDENTS

TRANSFERRED = "pgd20"
"""The attack whose images, made on the float model, each file is tried with."""


def run(run):
    """Writes `DIR/export/saved_model/`, `student_<kind>.tflite` and `labels.txt`.

    The student is the fine-tuned one where TRADES is enabled. Robust accuracy of a file is that
    under images made on the float model: an upper bound.
    """
    settings = run.config.export
    name = exported(run.config)
    student = run.student(STUDENTS[name])
    folder = run.folder("export")
    export_saved_model(student, folder / "saved_model")
    write_text(folder / "labels.txt", "\n".join(run.dataset.class_names) + "\n")
    test = run.dataset.test.evenly_spaced(settings.examples)
    calibration = run.dataset.train.evenly_spaced(min(200, len(run.dataset.train)))
    images = test.as_float()
    reference = student.predict(images, batch_size=100, verbose=0)
    with progress("export") as on_batch:
        adversarial = adversarial_images(
            student,
            images,
            test.labels,
            run.threat_model,
            TRANSFERRED,
            seed=run.config.seed,
            on_batch=on_batch,
        )
    exports = []
    for kind in settings.kinds:
        content = convert(folder / "saved_model", kind, calibration.as_float())
        path = folder / f"student_{kind}.tflite"
        write_bytes(path, content)
        classifier = TFLiteClassifier(content)
        logits = classifier.predict(images)
        correct = logits.argmax(-1) == test.labels
        robust = correct & (classifier.predict(adversarial).argmax(-1) == test.labels)
        exports.append(
            {
                "file": str(path.relative_to(run.workdir)),
                "model": name,
                "kind": kind,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "agreement": dataclasses.asdict(agreement(reference, logits)),
                "clean": _accuracy(correct),
                "robust": {
                    **_accuracy(robust),
                    "attack": f"{TRANSFERRED} made on the Keras student, transferred",
                    "epsilon": run.threat_model.epsilon,
                    "steps": attack_named(TRANSFERRED).steps,
                    "space": run.threat_model.space,
                },
                "latency": dataclasses.asdict(
                    measure_latency(content, settings.threads, settings.runs)
                ),
            }
        )
    run.record["exports"] = exports


def exported(config):
    """Returns the name, in the record's robustness, of the student that is exported."""
    return "trades" if config.trades.enabled else "student"


def _accuracy(correct):
    count = len(correct)
    return {
        "accuracy": float(correct.mean()),
        "n": count,
        "interval": list(wilson_interval(correct.sum(), count)),
    }
