"""Running the stages that a run does not have yet."""

import json
import time
from collections.abc import Mapping, Sequence, Set
from typing import Any

from absl import logging

from rnascl_tf.files import may_write
from rnascl_tf.pipeline.config_changes import refuse_other_config
from rnascl_tf.pipeline.order import is_enabled, upstream
from rnascl_tf.pipeline.refusals import refuse_missing, refuse_orphans, refuse_unwritable
from rnascl_tf.pipeline.settings import check_data, check_replicas
from rnascl_tf.record import describe_environment, timestamp
from rnascl_tf.runs import Run
from rnascl_tf.runtime.devices import ONE_DEVICE, Devices
from rnascl_tf.stages import STAGES, Stage, findings, sections


def execute(run: Run, stages: Sequence[Stage], overwrite: bool = False) -> None:
    """Runs the stages that are not finished yet, recording each.

    Args:
        run: a `Run`.
        stages: from `select`.
        overwrite: remove the files of these stages first and start them again.

    Raises:
        UserError: the directory holds another config's results, or results that an overwrite would
            leave without their source.
    """
    selected = {stage.name for stage in stages}
    with run.locked():
        overwritten = _overwritten(run, selected) if overwrite else {}
        if overwrite:
            refuse_orphans(run, selected)
        refuse_other_config(run, selected if overwrite else frozenset())
        refuse_missing(run.config, run.record, selected)
        if may_write():
            refuse_unwritable(run.record, stages, overwrite)
        if any(stage.on == "replicas" for stage in stages):
            check_replicas(run.config, run.devices.replicas)
        check_data(run.config, run.dataset)
        for stage in stages:
            if run.is_done(stage.name) and not stage.always and not overwrite:
                seconds = run.record["stages"][stage.name]["seconds"]
                logging.info("%s: finished before, in %.0f s; skipped", stage.name, seconds)
                continue
            _execute_one(run, stage, overwritten)
            # All went with the first: a kill in between must not leave later ones as finished.
            overwritten = {}


def _overwritten(run: Run, selected: Set[str]) -> dict[str, tuple[str, ...]]:
    """Returns the findings of the stages whose files go, by name.

    These are the selected ones and the disabled ones that depend on them: no other command would ever
    remove those.
    """
    disabled = {name for name in run.record["stages"] if not is_enabled(run.config, name)}
    stale = {name for name in disabled & STAGES.keys() if not selected.isdisjoint(upstream(name))}
    return {name: findings(stage) for name, stage in STAGES.items() if name in selected | stale}


def _execute_one(run: Run, stage: Stage, overwritten: Mapping[str, Sequence[str]]) -> None:
    values = json.loads(run.config.to_json_best_effort())
    if not stage.always or "versions" not in run.record.values:
        # Printing an old run's tables again does not make them this commit's.
        seeds = {"run": run.config.seed}
        run.record.values |= {"config": values, **describe_environment(), "seeds": seeds}
    if stage.name not in overwritten:
        _warn_of_other_devices(run, stage)
    entry = {
        "status": "started",
        "git_commit": run.record["git_commit"],
        "settings": {section: values[section] for section in sections(stage)},
        "devices": str(_devices_of(run.devices, stage)),
    }
    run.announce(stage.name, entry, overwritten)
    started = time.monotonic()
    _run_on_its_devices(run, stage)
    _note_finished(run, stage, entry, time.monotonic() - started)
    run.devices.wait_for_all()


def _note_finished(run: Run, stage: Stage, entry: dict[str, Any], seconds: float) -> None:
    # A stage that never asked for its folder has no entry yet, and a new run no folder.
    if may_write():
        run.workdir.mkdir(parents=True, exist_ok=True)
    run.record["stages"].setdefault(stage.name, entry).update(
        status="finished",
        seconds=round(seconds, 1),
        finished_at=timestamp(),
    )
    run.record.write()
    fields = {"stage": stage.name, "status": "finished", "seconds": round(seconds, 1)}
    logging.get_absl_logger().info(
        "%s: finished in %.0f s", stage.name, seconds, extra={"fields": fields}
    )


def _run_on_its_devices(run: Run, stage: Stage) -> None:
    """Runs a stage where it belongs; of several workers, those that have no part in it wait."""
    if stage.on == "replicas":
        with run.devices.scope():
            stage.run(run)
    elif run.devices.is_chief:
        devices = _devices_of(run.devices, stage)
        with run.on(devices), devices.scope():
            stage.run(run)


def _devices_of(devices: Devices, stage: Stage) -> Devices:
    """Returns the devices that a stage works on."""
    if stage.on == "replicas" or (stage.on == "machine" and devices.workers == 1):
        return devices
    # A model made in the scope of several workers would wait for them to make theirs.
    return ONE_DEVICE


def _warn_of_other_devices(run: Run, stage: Stage) -> None:
    before = run.record["stages"].get(stage.name, {})
    now = str(_devices_of(run.devices, stage))
    if stage.on == "replicas" and before.get("devices", now) != now:
        logging.warning(
            "%s: started on %s, resumes on %s: from here on each replica gets another part of a batch",
            stage.name,
            before["devices"],
            now,
        )
