"""`--dry_run`: the resolved config, the stages, sizes, and seconds measured from a few steps."""

from collections.abc import Sequence

import rich.box
import rich.table

from rnascl_tf.console import console, duration
from rnascl_tf.networks import count, describe
from rnascl_tf.pipeline.config_changes import refuse_other_config
from rnascl_tf.pipeline.settings import check_data
from rnascl_tf.recipes import config_leaves
from rnascl_tf.runs import Run
from rnascl_tf.stages import Stage


def dry_run(run: Run, stages: Sequence[Stage]) -> None:
    """Prints what `execute` would do and about how long it would take; the run is not touched.

    A public data set that this machine does not have is downloaded: its size is part of the answer.

    Steps are measured on this machine, after one that compiles.
    """
    refuse_other_config(run)
    check_data(run.config, run.dataset)
    for key, value in config_leaves(run.config):
        text = repr(value) if isinstance(value, tuple) else value
        shown = f"({key} is not set)" if value is None else f"--config.{key}={text}"
        console.print(shown, markup=False, soft_wrap=True)
    print_sizes(run)
    table = rich.table.Table(title="Stages", box=rich.box.SIMPLE_HEAD)
    table.add_column("stage")
    table.add_column("state")
    table.add_column("estimated time", justify="right")
    total = 0.0
    for stage in stages:
        status = run.record["stages"].get(stage.name, {}).get("status", "not started")
        if status == "finished":
            table.add_row(stage.name, status, "-")
            continue
        seconds = stage.estimate(run)
        total += seconds
        table.add_row(stage.name, status, duration(seconds) if seconds else "seconds")
    table.add_row("all", "", duration(total))
    console.print(table)
    console.print(f"Nothing was written to {run.workdir}.", soft_wrap=True)


def print_sizes(run: Run) -> None:
    """Prints the data's and the search space's sizes."""
    dataset, space = run.dataset, run.space
    console.print(
        f"data: {dataset.name}, {len(dataset.train)} training, {len(dataset.validation)} "
        f"validation, {len(dataset.test)} test images of {dataset.input_shape}, "
        f"{dataset.num_classes} classes",
        soft_wrap=True,
    )
    for name, filters in (("narrowest", space.narrowest), ("widest", space.widest)):
        size = count(describe(run.problem, filters, [], 0, run.config.search.activation))
        console.print(
            f"{space.name} {name} student: {size.params:,} params, {size.macs:,} MACs "
            f"({space.size:,} students in the space)",
            soft_wrap=True,
        )
