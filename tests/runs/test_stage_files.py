"""Files of an earlier stage: found, missing and damaged."""

import keras
import numpy as np
import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.runs.stage_files import load_student, stage_file


def test_a_file_is_found_in_its_stage_s_folder(tmp_path):
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "architecture.json").touch()
    path = stage_file(str(tmp_path), "search", "architecture.json")
    assert path == tmp_path / "search" / "architecture.json"


def test_a_missing_file_names_the_stage_that_writes_it(tmp_path):
    with pytest.raises(UserError, match=r"student\.keras is missing: run the train stage first"):
        load_student(tmp_path, "train")


def test_a_student_comes_back_with_its_weights_and_a_damaged_one_is_named(tmp_path):
    images = keras.Input((5,))
    student = keras.Model(images, keras.layers.Dense(3)(images))
    path = tmp_path / "trades" / "student.keras"
    path.parent.mkdir()
    student.save(path)
    for ours, theirs in zip(
        load_student(tmp_path, "trades").get_weights(), student.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"is damaged: start the trades stage again"):
        load_student(tmp_path, "trades")
