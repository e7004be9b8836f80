"""Which losses of a file are flagged."""

import numpy as np

from rnascl_tf.stages import FileComparison


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
    examples = FileComparison(trained_run, student, images, labels, tmp_path / "attacked")
    file = _WrongOnMovedOddImages(images, labels, trained_run.dataset.num_classes)
    robust = examples.measured("int8", file, "a sha256")["robust"]
    # Square is tried on images 0, 2 and 4; 1, 3 and 5 are lost.
    assert robust["keras"]["transferred"]["accuracy"] == robust["keras"]["accuracy"] == 1.0
    assert (robust["accuracy"], robust["n"], robust["drop_points"]) == (1.0, 3, 0.0)
    assert (robust["transferred"]["accuracy"], robust["transferred"]["n"]) == (0.5, 6)
    assert robust["drop_points_transferred"] == 50.0
    assert robust["flagged"]
    assert (robust["square_attacked"], robust["square_broke"]) == (3, 0)
