"""Export stage: SavedModel and TFLite files of the student, each tested and attacked as itself.

What a device runs is the file, not the model it was made from: so each file's own accuracy, clean and
under attack, stands in the record beside the Keras student's under the very same attacks.
"""

import dataclasses
import hashlib

from absl import logging

from rnascl_tf.console import progress
from rnascl_tf.deploy import (
    TFLiteClassifier,
    agreement,
    convert,
    delegation,
    export_saved_model,
    measure_interleaved,
    quantization,
)
from rnascl_tf.files import write_bytes, write_text
from rnascl_tf.report.model_card import model_card
from rnascl_tf.robustness import Accuracy, BlackBoxFunction, adversarial_images
from rnascl_tf.robustness.without_gradients import withstood_without_gradients
from rnascl_tf.runs.latency_target import measured_beside_predicted
from rnascl_tf.stages.evaluate import STUDENTS

FLAGGED_POINTS = 2.0
"""A file that loses more robust accuracy than this against the Keras student is flagged."""


def run(run):
    """Writes `DIR/export/`: `saved_model/`, `student_<kind>.tflite`, `labels.txt`, `README.md`.

    The student is the fine-tuned one where TRADES is enabled. README.md is its model card, and
    SHA256SUMS verifies the files. `attacked/` keeps what Square has found: a stopped stage goes on
    there.
    """
    settings, dataset = run.config.export, run.dataset
    name = exported(run.config)
    student = run.student(STUDENTS[name])
    folder = run.folder("export")
    export_saved_model(student, folder / "saved_model", dataset.class_names)
    write_text(folder / "labels.txt", "\n".join(dataset.class_names) + "\n")
    calibration = dataset.train.evenly_spaced(
        min(settings.calibration_examples, len(dataset.train))
    )
    files = {}
    with progress("export", "files") as on_file:
        for number, kind in enumerate(settings.kinds, start=1):
            path = folder / f"student_{kind}.tflite"
            # What was attacked before a stop is known by the file's hash, which a second conversion
            # need not give again.
            if not path.exists():
                write_bytes(path, convert(folder / "saved_model", kind, calibration.as_float()))
            files[kind] = path.read_bytes()
            on_file("conversion", number, len(settings.kinds))
    test = dataset.test.evenly_spaced(settings.examples)
    examples = _Examples(run, student, test.as_float(), test.labels, folder / "attacked")
    with progress("latency", "rounds") as on_round:
        timings = measure_interleaved(
            files,
            settings.threads,
            settings.runs,
            on_round=lambda *done: on_round("in turns", *done),
        )
    exports = []
    for kind, content in files.items():
        sha256 = hashlib.sha256(content).hexdigest()
        exports.append(
            {
                "file": f"export/student_{kind}.tflite",
                "model": name,
                "kind": kind,
                "bytes": len(content),
                "sha256": sha256,
                **examples.measured(kind, TFLiteClassifier(content), sha256),
                "latency": dataclasses.asdict(timings[kind].latency),
                "latency_target": measured_beside_predicted(run, kind, timings[kind]),
                "delegation": dataclasses.asdict(delegation(content)),
                "quantization": quantization(content),
                "calibration": {
                    "images": len(calibration),
                    "of": "the training split, evenly spaced: no seed",
                }
                if kind == "int8"
                else None,
            }
        )
        _warn(exports[-1])
    run.record["exports"] = exports
    write_text(folder / "SHA256SUMS", _sums(folder, settings.kinds))
    write_text(folder / "README.md", model_card(run.record, dataset))


def _sums(folder, kinds):
    """Returns what `sha256sum -c` reads: a line for each file that an application may take."""
    paths = [folder / f"student_{kind}.tflite" for kind in kinds] + [folder / "labels.txt"]
    paths += sorted(path for path in (folder / "saved_model").rglob("*") if path.is_file())
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in paths
    )


def exported(config):
    """Returns the name, in the record's robustness, of the student that is exported."""
    return "trades" if config.trades.enabled else "student"


class _Examples:
    """The test images, what attacks on the Keras student made of them, and how it withstands."""

    def __init__(self, run, student, images, labels, state):
        self._run, self._images, self._labels, self._state = run, images, labels, state
        self._logits = student.predict(images, batch_size=100, verbose=0)
        with progress("export keras") as on_batch:
            self._adversarial = [
                adversarial_images(
                    student,
                    images,
                    labels,
                    run.threat_model,
                    attack,
                    seed=run.config.seed,
                    on_batch=on_batch,
                )
                for attack in run.config.export.transferred
            ]
            self._keras = self._withstood("keras", student, None, on_batch)

    def measured(self, kind, classifier, sha256):
        """Returns what is known of one file: agreement, clean and robust accuracy."""
        logits = classifier.predict(self._images)
        with progress(f"export {kind}") as on_batch:
            model = BlackBoxFunction(classifier.predict)
            found = self._withstood(kind, model, sha256, on_batch)
        settings, threat_model = self._run.config.export, self._run.threat_model
        ours, transferred = Accuracy.of(found.worst), Accuracy.of(found.transferred)
        keras = Accuracy.of(self._keras.worst)
        keras_transferred = Accuracy.of(self._keras.transferred)
        drop = keras.points_above(ours)
        # The transferred images are many more, and show losses that a few cannot.
        drop_transferred = keras_transferred.points_above(transferred)
        made = " and ".join(settings.transferred)
        asks = "" if found.asked is None else f", then square, {settings.square_queries} queries"
        return {
            "agreement": dataclasses.asdict(agreement(self._logits, logits)),
            "clean": Accuracy.of(found.clean).to_json(),
            "robust": {
                **ours.to_json(),
                "attack": f"{made} made on the Keras student, transferred{asks}",
                "epsilon": threat_model.epsilon,
                "norm": threat_model.norm,
                "space": threat_model.space,
                "seed": self._run.config.seed,
                "transferred": transferred.to_json(),
                "square_attacked": found.asked,
                "square_broke": None
                if found.asked is None
                else int(found.asked - found.worst.sum()),
                "keras": keras.to_json() | {"transferred": keras_transferred.to_json()},
                "drop_points": drop,
                "drop_points_transferred": drop_transferred,
                "flagged": max(drop, drop_transferred) > FLAGGED_POINTS,
            },
        }

    def _withstood(self, name, model, model_id, on_batch):
        settings = self._run.config.export
        return withstood_without_gradients(
            model,
            self._images,
            self._labels,
            self._run.threat_model,
            self._adversarial,
            square_examples=settings.square_examples,
            square_queries=settings.square_queries,
            seed=self._run.config.seed,
            on_batch=on_batch,
            state=self._state / f"{name}.npz",
            model_id=model_id,
        )


def _warn(export):
    robust = export["robust"]
    if robust["flagged"]:
        logging.warning(
            "export: %s loses robust accuracy against the Keras student: %.1f points under transferred "
            "images (n = %d), %.1f under all attacks (n = %d)",
            export["file"],
            robust["drop_points_transferred"],
            robust["transferred"]["n"],
            robust["drop_points"],
            robust["n"],
        )
