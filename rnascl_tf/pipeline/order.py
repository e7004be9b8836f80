"""The stages of the main job, their order, and which of them a command runs."""

import dataclasses
import typing

from rnascl_tf.errors import UserError
from rnascl_tf.stages import baseline, evaluate, export, report, search, teacher, trades, train


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of the main job.

    Attributes:
        name: on the command line, and of its folder.
        run: function (Run) -> None.
        sections: the config sections that its result depends on, beyond what `after` covers.
        after: stages whose files it reads.
        enabled: function config -> whether it runs when no stages are named.
        on: whose work it is: "replicas" that share batches; "machine", all devices where there is one
            machine, else one device of the chief; or "one" device of the chief.
    """

    name: str
    run: typing.Callable
    sections: tuple[str, ...]
    after: tuple[str, ...] = ()
    enabled: typing.Callable = lambda config: True
    on: str = "replicas"


STAGES = {
    stage.name: stage
    for stage in (
        Stage("teacher", teacher.run, ("seed", "data", "replicas", "threat", "teacher")),
        Stage("search", search.run, ("search", "method"), ("teacher",)),
        Stage("train", train.run, ("train", "method"), ("search",)),
        Stage("trades", trades.run, ("trades",), ("train",), lambda config: config.trades.enabled),
        Stage(
            "baseline",
            baseline.run,
            ("train", "baseline"),
            ("search",),
            lambda config: config.baseline.enabled,
        ),
        Stage(
            "evaluate",
            evaluate.run,
            ("evaluate", "baseline", "trades"),
            ("train", "trades", "baseline"),
            on="machine",
        ),
        Stage("export", export.run, ("export", "trades"), ("train", "trades"), on="one"),
        Stage("report", report.run, (), ("search", "evaluate", "export"), on="one"),
    )
}
"""The stages by name, in the order in which they run."""

ALWAYS = "report"
"""The stage that runs even when it is finished: its output is what the user is waiting for."""


def select(config, names):
    """Returns the stages to run, in order.

    Args:
        config: the run's config.
        names: stage names, or empty for all that the config enables.

    Raises:
        UserError: an unknown name, or a stage that the config disables.
    """
    for name in names:
        if name not in STAGES:
            raise UserError(f"unknown stage {name!r}: give some of {','.join(STAGES)}.")
        if not STAGES[name].enabled(config):
            raise UserError(
                f"stage {name} is disabled: set --config.{name}.enabled=true, or leave it out."
            )
    wanted = names or [name for name, stage in STAGES.items() if stage.enabled(config)]
    return [stage for name, stage in STAGES.items() if name in wanted]


def upstream(name):
    """Names of all stages whose results a stage depends on."""
    found = set()
    for source in STAGES[name].after:
        found |= {source} | upstream(source)
    return found


def downstream(name):
    """The stage and all that depend on it, in order."""
    return [other for other in STAGES if other == name or name in upstream(other)]
