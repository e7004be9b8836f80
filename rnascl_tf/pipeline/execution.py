"""Running the stages, and what a finished or foreign run directory means for them."""

import datetime
import hashlib
import json
import time

from absl import logging

import teachers
from rnascl_tf.errors import UserError
from rnascl_tf.networks import read_architecture
from rnascl_tf.pipeline.order import ALWAYS, STAGES, downstream, upstream
from rnascl_tf.pipeline.settings import check_data, check_replicas
from rnascl_tf.recipes import base_config
from rnascl_tf.runtime.devices import ONE_DEVICE


def execute(run, stages, overwrite=False):
    """Runs the stages that are not finished yet, recording each.

    Args:
        run: a `Run`.
        stages: from `select`.
        overwrite: remove the files of these stages first and start them again.

    Raises:
        UserError: the directory holds another config's results, or results that an overwrite would
            leave without their source.
    """
    values = json.loads(run.config.to_json_best_effort())
    selected = {stage.name for stage in stages}
    with run.locked():
        overwritten = _overwritten(run, selected) if overwrite else []
        if overwrite:
            _refuse_orphans(run, selected)
        refuse_other_config(run, selected if overwrite else set())
        _refuse_missing(run, selected)
        if any(stage.on == "replicas" for stage in stages):
            check_replicas(run.config, run.devices.replicas)
        check_data(run.config, run.dataset)
        run.folder(".")
        for stage in stages:
            if _is_done(run, stage.name) and stage.name != ALWAYS and not overwrite:
                seconds = run.record["stages"][stage.name]["seconds"]
                logging.info("%s: finished before, in %.0f s; skipped", stage.name, seconds)
                continue
            _execute_one(run, stage, values, overwritten)
            # All went with the first: a kill in between must not leave later ones as finished.
            overwritten = []


def _execute_one(run, stage, values, overwritten):
    if stage.name != ALWAYS or "versions" not in run.record.values:
        # Printing an old run's tables again does not make them this commit's.
        run.record.describe_environment(values, run.config.seed)
    settings = {section: values[section] for section in stage.sections}
    if stage.name not in overwritten:
        _warn_of_other_devices(run, stage)
    entry = {
        "status": "started",
        "git_commit": run.record["git_commit"],
        "settings": settings,
        "devices": str(_local(run.devices, stage)),
    }
    run.announce(stage.name, entry, overwritten)
    started = time.monotonic()
    _on_its_devices(run, stage)
    seconds = time.monotonic() - started
    run.record["stages"].setdefault(stage.name, entry).update(
        status="finished",
        seconds=round(seconds, 1),
        finished_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    run.record.write()
    fields = {"stage": stage.name, "status": "finished", "seconds": round(seconds, 1)}
    logging.get_absl_logger().info(
        "%s: finished in %.0f s", stage.name, seconds, extra={"fields": fields}
    )
    run.devices.wait_for_all()


def _on_its_devices(run, stage):
    """Runs a stage where it belongs; of several workers, those that have no part in it wait."""
    if stage.on == "replicas":
        with run.devices.scope():
            stage.run(run)
    elif run.devices.is_chief:
        local = _local(run.devices, stage)
        with run.on(local), local.scope():
            stage.run(run)


def _local(devices, stage):
    """Returns the devices that a stage works on."""
    if stage.on == "replicas" or (stage.on == "machine" and devices.workers == 1):
        return devices
    # A model made in the scope of several workers would wait for them to make theirs.
    return ONE_DEVICE


def _warn_of_other_devices(run, stage):
    before = run.record["stages"].get(stage.name, {})
    now = str(_local(run.devices, stage))
    if stage.on == "replicas" and before.get("devices", now) != now:
        logging.warning(
            "%s: begun on %s, goes on on %s: each replica's part of a batch is another from here on",
            stage.name,
            before["devices"],
            now,
        )


def refuse_other_config(run, overwritten=frozenset()):
    """Raises UserError if the directory holds stages of another config.

    Args:
        run: a `Run`.
        overwritten: names of stages that will start again and so may differ.
    """
    values = json.loads(run.config.to_json_best_effort())
    # A section or key that is younger than the run had its default's effect in it.
    defaults = json.loads(base_config().to_json_best_effort())
    first, differing = None, set()
    for name, entry in run.record["stages"].items():
        if name in overwritten or not _is_enabled(run, name):
            continue
        for section in STAGES[name].sections:
            before = entry["settings"].get(section, defaults[section])
            if isinstance(before, dict):
                before = defaults[section] | before
            for key, old, new in _differences(section, before, values.get(section)):
                if not (_has_no_effect(key, before, values) or _moved(run, key, old, new)):
                    first = first or (name, key, old, new)
                    differing |= set(downstream(name))
    if first:
        again = differing | {
            source for name in differing for source in upstream(name) if not _is_done(run, source)
        }
        again = ",".join(s for s in STAGES if s in again and _is_enabled(run, s))
        name, key, old, new = first
        raise UserError(
            f"{run.workdir} holds the {name} stage of another config: {key} was {old}, now {new}. "
            f"Give another --workdir, or start these stages again with --overwrite --stages={again}."
        )


def _refuse_orphans(run, selected):
    """Refuses an overwrite that would leave results of files that are gone."""
    kept = set(run.record["stages"]) - selected - {ALWAYS}
    orphans = {
        name for name in kept if _is_enabled(run, name) and selected.intersection(upstream(name))
    }
    if orphans:
        again = ",".join(name for name in STAGES if name in selected | orphans)
        raise UserError(
            f"overwriting {','.join(s for s in STAGES if s in selected)} would leave "
            f"{', '.join(sorted(orphans))} with results of files that are gone: start all of them "
            f"again, --stages={again}, or give another --workdir."
        )


def _refuse_missing(run, selected):
    """Refuses stages whose source is neither there nor about to be made, before any work."""
    for name in STAGES:
        for source in STAGES[name].after if name in selected else ():
            if _is_enabled(run, source) and source not in selected and not _is_done(run, source):
                raise UserError(
                    f"stage {name} reads what stage {source} writes, which {run.workdir} does not "
                    f"have: add {source} to --stages, or leave --stages out for all."
                )


def _overwritten(run, selected):
    """The selected stages, and those of disabled ones that stand on them: nobody else drops these."""
    disabled = {name for name in run.record["stages"] if not _is_enabled(run, name)}
    stale = {name for name in disabled if selected.intersection(upstream(name))}
    return [name for name in STAGES if name in selected | stale]


def _is_done(run, name):
    return run.record["stages"].get(name, {}).get("status") == "finished"


def _is_enabled(run, name):
    return name in STAGES and STAGES[name].enabled(run.config)


def _differences(key, old, new):
    """Yields (key, old, new) of every value that differs between two configs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from _differences(f"{key}.{name}", old.get(name), new.get(name))
    elif old != new:
        yield key, old, new


def _has_no_effect(key, before, values):
    """Whether a key that differs is read by nothing, in neither of the two configs."""
    section, _, name = key.partition(".")
    now = values[section]
    if section == "trades" and name != "enabled":
        return not (before["enabled"] or now["enabled"])
    if section == "search" and name not in ("space", "architecture", "attention_size"):
        return bool(before["architecture"] and now["architecture"])  # nothing was searched
    return False


def _moved(run, key, old, new):
    """Whether a config key names the same thing at another place, as on another machine."""
    if key == "data.data_dir":
        return run.config.data.name != "image_folder"  # elsewhere the name says which data it is
    if key == "teacher.onnx" and old and new and "teacher" in run.record.values:
        content = teachers.self_contained_onnx(new)
        return hashlib.sha256(content).hexdigest() == run.record["teacher"]["sha256"]
    if key == "search.architecture" and old and new and "architecture" in run.record.values:
        found, taken = read_architecture(new), run.record["architecture"]
        searched = run.config.method.tutor == "search" and taken["tutors"]
        return found.filters == taken["filters"] and (
            not searched or found.tutors == taken["tutors"]
        )
    return False
