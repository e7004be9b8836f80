"""Which student is exported; the rest is the main job's test."""

import numpy as np
import pytest

from rnascl_tf import deploy
from rnascl_tf.stages import export, exported_stage


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
    assert exported_stage(trained_run.config).student == name
    with pytest.raises(_EnoughError):
        export.run(trained_run)
    for ours, theirs in zip(chosen, trained_run.student(stage).get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
