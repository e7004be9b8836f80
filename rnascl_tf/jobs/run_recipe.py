"""The main job: a robust teacher in, a searched, robust, small student out, stage by stage."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

from absl import logging
from ml_collections import ConfigDict

import teachers
from rnascl_tf import data, pipeline, runs
from rnascl_tf.console import be_quiet
from rnascl_tf.errors import UserError
from rnascl_tf.files import possible_folder, reading_only
from rnascl_tf.jobs.named_files import require_named_files
from rnascl_tf.record import Record
from rnascl_tf.stages import Stage


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A run of a recipe.

    Attributes:
        config: the locked config of the recipe, with its overrides.
        workdir: folder of the run.
        stages: names of stages to run; none: all that the config enables.
        overwrite: start these stages again.
        strict: a verdict on masked gradients is required.
        strategy, logical_cpus: see `runtime.devices.choose_devices`.
        deterministic: the same numbers bit for bit in every run on this machine; slower.
        dry_run: print config, stages, sizes and a time estimate; write nothing.
    """

    config: ConfigDict
    workdir: str | Path
    stages: tuple[str, ...] = ()
    overwrite: bool = False
    strict: bool = False
    strategy: str = "auto"
    logical_cpus: int = 0
    deterministic: bool = False
    dry_run: bool = False


def run_recipe(request: RunRequest) -> list[str]:
    """Runs the stages that are not finished yet.

    Returns:
        The names of the models whose gradients look masked; empty unless `strict`.

    Raises:
        UserError: the config or the folder cannot be used.
    """
    config = request.config
    stages = _checked_stages(request)
    from rnascl_tf.runtime.devices import choose_devices  # imports TensorFlow

    if request.deterministic:
        _be_deterministic(config.seed)
    devices = choose_devices(request.strategy, request.logical_cpus)
    if not devices.is_chief:
        be_quiet()
    run = runs.Run(config, request.workdir, devices)
    if request.dry_run:
        pipeline.dry_run(run, stages)
        return []
    with contextlib.nullcontext() if devices.is_chief else reading_only(), devices.watching():
        pipeline.execute(run, stages, overwrite=request.overwrite)
    verdicts = run.record.get("masking", {}) if request.strict else {}
    suspected = [name for name, verdict in verdicts.items() if verdict["suspicious"]]
    if suspected:
        logging.error("--strict: the gradients of the %s look masked", " and the ".join(suspected))
    return suspected


def _checked_stages(request: RunRequest) -> list[Stage]:
    """Returns the stages to run; refuses what is wrong, without TensorFlow where that is possible."""
    config = request.config
    if request.strict and not config.evaluate.masking_examples:
        raise UserError(
            "--strict needs a verdict on masked gradients, and "
            "--config.evaluate.masking_examples=0 asks for none: give at least 1."
        )
    if request.deterministic and config.teacher.precision == "auto":
        raise UserError(
            "--deterministic asks for the same numbers in every run, and with "
            "--config.teacher.precision=auto a measured time decides some: give float32 or bfloat16."
        )
    stages = pipeline.select(config, request.stages)
    require_named_files(config)
    record = Record(possible_folder("workdir", request.workdir) / "record.json")
    pipeline.check_values(config)
    # Of several workers the chief alone writes, and it may prepare the data that the others read.
    is_alone = not os.environ.get("TF_CONFIG", "").strip()
    names = {stage.name for stage in stages}
    if not request.dry_run:
        pipeline.refuse_missing(config, record, names)
        if is_alone:
            pipeline.refuse_unwritable(record, stages, request.overwrite)
    if is_alone:
        data.check_place(config.data.name, config.data.data_dir)
    is_taken = "teacher" in names and (request.overwrite or not record.is_finished("teacher"))
    if config.teacher.onnx and is_taken:
        teachers.read_onnx(config.teacher.onnx)  # half a second for 185 MB; TensorFlow takes 7
    pipeline.check_stages(config)
    return stages


def _be_deterministic(seed: int) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
