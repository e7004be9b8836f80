"""What is refused before any work: choices of stages that would leave a run without its sources."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from ml_collections import ConfigDict

from rnascl_tf.errors import UserError
from rnascl_tf.files import writable_folder
from rnascl_tf.pipeline.order import is_enabled, upstream
from rnascl_tf.record import Record
from rnascl_tf.stages import STAGES, Stage, sources

if TYPE_CHECKING:
    from rnascl_tf.runs import Run


def refuse_orphans(run: Run, selected: Set[str]) -> None:
    """Refuses an overwrite that would leave results of files that are gone."""
    orphans = {
        name
        for name in run.record["stages"]
        if name not in selected
        and is_enabled(run.config, name)
        and not STAGES[name].always
        and not selected.isdisjoint(upstream(name))
    }
    if orphans:
        # The report draws what is gone as well, and is always written anew.
        repeated = selected | orphans | {name for name in STAGES if STAGES[name].always}
        again = ",".join(name for name in STAGES if name in repeated)
        raise UserError(
            f"overwriting {','.join(name for name in STAGES if name in selected)} would leave "
            f"{', '.join(sorted(orphans))} with results of files that are gone: start all of them "
            f"again, --overwrite --stages={again}, or give another --workdir."
        )


def refuse_missing(config: ConfigDict, record: Record, selected: Set[str]) -> None:
    """Refuses stages whose source neither exists nor is about to be made; needs no TensorFlow.

    Args:
        config: the run's.
        record: the run's; empty if nothing has run in its folder.
        selected: names of the stages to run.

    Raises:
        UserError: a stage reads what is not there.
    """
    for name in STAGES:
        for source in sources(STAGES[name]) if name in selected else ():
            if (
                is_enabled(config, source)
                and source not in selected
                and not record.is_finished(source)
            ):
                raise UserError(
                    f"stage {name} reads what stage {source} writes, which {record.path.parent} does "
                    f"not have: add {source} to --stages, or leave --stages out for all."
                )


def refuse_unwritable(record: Record, stages: Sequence[Stage], overwrite: bool) -> None:
    """Refuses a folder that cannot be written if a stage would; needs no TensorFlow.

    Args:
        record: the run's.
        stages: those to run.
        overwrite: whether finished ones start again.

    Raises:
        UserError: it cannot be made or written to.
    """
    # What is finished may lie on a disk that is read only.
    if overwrite or any(each.always or not record.is_finished(each.name) for each in stages):
        writable_folder("workdir", record.path.parent)
