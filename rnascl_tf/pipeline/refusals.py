"""What is refused before any work: choices of stages that would leave a run without its sources."""

from collections.abc import Set

from rnascl_tf.errors import UserError
from rnascl_tf.pipeline.order import is_enabled, upstream
from rnascl_tf.runs import Run
from rnascl_tf.stages import STAGES, sources


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
        again = ",".join(name for name in STAGES if name in selected | orphans)
        raise UserError(
            f"overwriting {','.join(name for name in STAGES if name in selected)} would leave "
            f"{', '.join(sorted(orphans))} with results of files that are gone: start all of them "
            f"again, --stages={again}, or give another --workdir."
        )


def refuse_missing(run: Run, selected: Set[str]) -> None:
    """Refuses stages whose source neither exists nor is about to be made."""
    for name in STAGES:
        for source in sources(STAGES[name]) if name in selected else ():
            if (
                is_enabled(run.config, source)
                and source not in selected
                and not run.is_done(source)
            ):
                raise UserError(
                    f"stage {name} reads what stage {source} writes, which {run.workdir} does not "
                    f"have: add {source} to --stages, or leave --stages out for all."
                )
