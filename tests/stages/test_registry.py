"""The stages together: what each names exists, and listing them is quick."""

import subprocess
import sys

import pytest

from rnascl_tf.recipes import base_config, config_leaves
from rnascl_tf.stages import STAGES

WITHOUT_TENSORFLOW = """
import sys
from rnascl_tf.errors import UserError
from rnascl_tf.pipeline import STAGES, select
from rnascl_tf.recipes import load_recipe
try:
    select(load_recipe("digits:smoke"), ["serach"])
except UserError as error:
    print(error)
print([name for name in ("tensorflow", "keras", "matplotlib") if name in sys.modules])
"""


def test_a_misspelt_stage_is_answered_without_importing_tensorflow():
    """A stage's file imports rooms, which are lazy, and no names from them."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW], capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert "unknown stage 'serach'" in first
    assert second == "[]"


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_what_a_stage_names_exists(stage):
    assert stage.title
    keys = {key for key, _ in config_leaves(base_config())}
    tops = {key.partition(".")[0] for key in keys}
    assert set(stage.sections) <= tops
    assert set(stage.after) <= STAGES.keys()
    assert stage.switch is None or stage.switch in keys
