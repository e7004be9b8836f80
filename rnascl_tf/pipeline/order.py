"""Which stages a command runs, and which depend on which."""

from collections.abc import Sequence

from ml_collections import ConfigDict

from rnascl_tf.errors import UserError
from rnascl_tf.spelling import did_you_mean
from rnascl_tf.stages import STAGES, Stage, sources


def select(config: ConfigDict, names: Sequence[str]) -> list[Stage]:
    """Returns the stages to run, in order.

    Args:
        config: the run's config.
        names: stage names, or empty for all that the config enables.

    Raises:
        UserError: an unknown name, or a stage that the config disables.
    """
    for name in names:
        if name not in STAGES:
            raise UserError(
                f"unknown stage {name!r}{did_you_mean(name, STAGES)}: give some of "
                f"{','.join(STAGES)}."
            )
        if not STAGES[name].enabled(config):
            raise UserError(
                f"stage {name} is disabled: set --config.{STAGES[name].switch}=true, or leave it out."
            )
    wanted = names or [name for name in STAGES if is_enabled(config, name)]
    return [stage for name, stage in STAGES.items() if name in wanted]


def is_enabled(config: ConfigDict, name: str) -> bool:
    """Whether there is a stage of this name and the config does not switch it off."""
    return name in STAGES and STAGES[name].enabled(config)


def upstream(name: str) -> set[str]:
    """Returns the names of all stages whose results a stage depends on."""
    found: set[str] = set()
    for source in sources(STAGES[name]):
        found |= {source} | upstream(source)
    return found


def downstream(name: str) -> list[str]:
    """Returns the names of a stage and of all that depend on it, in order."""
    return [other for other in STAGES if other == name or name in upstream(other)]
