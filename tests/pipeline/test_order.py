"""Which stages there are, in which order, and which of them a command runs."""

import pytest

from rnascl_tf.pipeline import STAGES, select
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.stages import sections, sources


@pytest.fixture
def config():
    return load_recipe("digits:smoke")


def names(stages):
    return [stage.name for stage in stages]


def test_every_stage_reads_only_earlier_ones():
    seen = set()
    for name, stage in STAGES.items():
        assert set(sources(stage)) <= seen
        seen.add(name)


def test_every_config_section_belongs_to_a_stage(config):
    covered = {section for stage in STAGES.values() for section in sections(stage)}
    assert covered == set(config)


def test_stages_run_in_their_own_order(config):
    assert names(select(config, ["export", "search"])) == ["search", "export"]


def test_disabled_baseline_is_left_out(config):
    config.baseline.enabled = False
    assert "baseline" not in names(select(config, []))
