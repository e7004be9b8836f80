"""Which student is exported, and which losses are flagged; the rest is the main job's test."""

import numpy as np
import pytest

from rnascl_tf import deploy
from rnascl_tf.stages import export


class _EnoughError(Exception):
    """Ends the stage where the student has been chosen: what follows takes many seconds."""


@pytest.mark.parametrize(
    ("enabled", "name", "stage"), [(True, "trades", "trades"), (False, "student", "train")]
)
def test_the_fine_tuned_student_is_exported_where_there_is_one(
    trained_run, enabled, name, stage, monkeypatch
):
    chosen = []

    def only_look(student, *_):
        chosen.extend(student.get_weights())
        raise _EnoughError

    monkeypatch.setattr(deploy, "export_saved_model", only_look)
    trained_run.config.trades.enabled = enabled
    assert export.exported(trained_run.config) == name
    with pytest.raises(_EnoughError):
        export.run(trained_run)
    for ours, theirs in zip(chosen, trained_run.student(stage).get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


class _WrongOnMovedOddImages:
    """A file that answers as labelled, except on images that are near an odd one without being it."""

    def __init__(self, images, labels, classes):
        self._images, self._answers = images, 5 * np.eye(classes, dtype=np.float32)[labels]

    def predict(self, images):
        distances = np.abs(images[:, None] - self._images).max(axis=(2, 3, 4))
        nearest = distances.argmin(axis=1)
        moved = distances.min(axis=1) > 0
        return np.where(
            (moved & (nearest % 2 == 1))[:, None],
            np.roll(self._answers[nearest], 1, axis=1),
            self._answers[nearest],
        )


def test_a_loss_that_the_few_images_of_square_cannot_show_is_flagged(trained_run, tmp_path):
    config = trained_run.config
    config.threat.epsilon = "0.0001"
    config.export.update(dict(transferred=("fgsm",), square_examples=3, square_queries=2))
    student = trained_run.student("train")
    images = trained_run.dataset.test.evenly_spaced(6).as_float()
    labels = student.predict(images, verbose=0).argmax(axis=1)
    examples = export._Examples(trained_run, student, images, labels, tmp_path / "attacked")
    file = _WrongOnMovedOddImages(images, labels, trained_run.dataset.num_classes)
    robust = examples.measured("int8", file, "a sha256")["robust"]
    # Square is tried on images 0, 2 and 4; 1, 3 and 5 are lost.
    assert robust["keras"]["transferred"]["accuracy"] == robust["keras"]["accuracy"] == 1.0
    assert (robust["accuracy"], robust["n"], robust["drop_points"]) == (1.0, 3, 0.0)
    assert (robust["transferred"]["accuracy"], robust["transferred"]["n"]) == (0.5, 6)
    assert robust["drop_points_transferred"] == 50.0
    assert robust["flagged"]
    assert (robust["square_attacked"], robust["square_broke"]) == (3, 0)
