"""Whether a run directory belongs to another config, and which values differ."""

import json
from collections.abc import Iterator, Set

from rnascl_tf.errors import UserError
from rnascl_tf.pipeline.order import downstream, is_enabled, upstream
from rnascl_tf.recipes import base_config, config_leaves
from rnascl_tf.runs import Run
from rnascl_tf.stages import STAGES, Change, sections

_PLACES = ("signals.store",)
"""Keys that say where something is kept: they change the time and not the result."""


def refuse_other_config(run: Run, overwritten: Set[str] = frozenset()) -> None:
    """Raises UserError if the directory holds stages of another config.

    Args:
        run: a `Run`.
        overwritten: names of stages that will start again and so may differ.
    """
    found = {
        name: list(changes(run, name))
        for name in run.record["stages"]
        if name not in overwritten and is_enabled(run.config, name)
    }
    found = {name: differing for name, differing in found.items() if differing}
    if found:
        name, (first, *_) = next(iter(found.items()))
        raise UserError(
            f"{run.workdir} holds the {name} stage of another config: {first.key} was {first.old}, now "
            f"{first.new}. Give another --workdir, or start these stages again with --overwrite "
            f"--stages={','.join(_to_start_again(run, found.keys()))}."
        )


def changes(run: Run, name: str) -> Iterator[Change]:
    """Yields every value that differs from the one that a stage was started with, and matters.

    Args:
        run: a `Run`.
        name: of a stage in its record.
    """
    stage, settings = STAGES[name], run.record["stages"][name]["settings"]
    now = json.loads(run.config.to_json_best_effort())
    # Of sections and keys that are newer than the run, it had the default.
    defaults = json.loads(base_config().to_json_best_effort())
    for section in sections(stage):
        before = settings.get(section, defaults[section])
        if isinstance(before, dict):
            before = defaults[section] | before
        old, new = (dict(config_leaves({section: values})) for values in (before, now[section]))
        for key in sorted(old.keys() | new.keys()):
            if key not in _PLACES and old.get(key) != new.get(key):
                change = Change(key, old.get(key), new.get(key), before, now[section])
                if not (_is_switched_off(change) or stage.keeps_result(run, change)):
                    yield change


def _is_switched_off(change: Change) -> bool:
    """Whether a value belongs to a stage that was not enabled before and is not now."""
    section, _, key = change.key.partition(".")
    for stage in STAGES.values():
        own, _, switch = (stage.switch or "").partition(".")
        if own == section and key != switch:
            return not (change.section_before[switch] or change.section_now[switch])
    return False


def _to_start_again(run: Run, differing: Set[str]) -> list[str]:
    """Returns the stages to start again, in order: these, what depends on them, what they lack."""
    again = {name for first in differing for name in downstream(first)}
    again |= {source for name in again for source in upstream(name) if not run.is_done(source)}
    return [name for name in STAGES if name in again and is_enabled(run.config, name)]
