"""How an exported file compares with the Keras student, clean and under the same attacks."""

import dataclasses
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from rnascl_tf.console import progress
from rnascl_tf.deploy import agreement
from rnascl_tf.robustness import (
    Accuracy,
    BlackBoxFunction,
    Withstood,
    adversarial_images,
    withstood_without_gradients,
)
from rnascl_tf.robustness.attacker import OnBatch
from rnascl_tf.runs import Run

FLAGGED_POINTS = 2.0
"""A file is flagged if it loses more points of robust accuracy than this, compared with the student."""


class Classifier(Protocol):
    """A file that answers, such as a `TFLiteClassifier`."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns logits [n, classes]."""


class FileComparison:
    """The test images, their adversarial versions for the Keras student, and its accuracy on them.

    Args:
        run: a `Run`.
        student: the Keras model that the files were made from.
        images: float32 [n, height, width, 3] in [0, 1].
        labels: integer [n].
        state: folder that keeps what Square finds, so that a stopped stage resumes.
    """

    def __init__(
        self,
        run: Run,
        student: keras.Model,
        images: np.ndarray,
        labels: np.ndarray,
        state: Path,
    ) -> None:
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

    def measured(self, kind: str, classifier: Classifier, sha256: str) -> dict[str, Any]:
        """Returns one file's agreement with the Keras student, its clean and robust accuracy.

        Args:
            kind: of the file.
            classifier: the file.
            sha256: of the file, by which interrupted results are found.
        """
        logits = classifier.predict(self._images)
        with progress(f"export {kind}") as on_batch:
            model = BlackBoxFunction(classifier.predict)
            found = self._withstood(kind, model, sha256, on_batch)
        settings, threat_model = self._run.config.export, self._run.threat_model
        ours, transferred = Accuracy.of(found.worst), Accuracy.of(found.transferred)
        keras = Accuracy.of(self._keras.worst)
        keras_transferred = Accuracy.of(self._keras.transferred)
        drop = keras.points_above(ours)
        # There are many more transferred images, which show losses that a few cannot.
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

    def _withstood(
        self, name: str, model: Any, model_id: str | None, on_batch: OnBatch
    ) -> Withstood:
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
