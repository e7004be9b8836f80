"""A run that starts from finished stages of another, so that a comparison shares its teacher."""

import shutil
from collections.abc import Collection
from pathlib import Path

from rnascl_tf.errors import UserError
from rnascl_tf.files import atomic_folder
from rnascl_tf.record import Record
from rnascl_tf.stages import STAGES, findings


def branch(source: str | Path, target: str | Path, stages: Collection[str]) -> None:
    """Copies finished stages of one run directory into a new one; an existing run is left alone.

    Args:
        source: the run directory that they are in.
        target: the new run directory.
        stages: names of the stages.

    Raises:
        UserError: the source has not finished one of them.
    """
    source, target = Path(source), Path(target)
    if (target / "record.json").exists():
        return
    record = Record(source / "record.json")
    for stage in stages:
        if not record.is_finished(stage):
            raise UserError(f"{source} has not finished its {stage} stage: run it there first.")
    for stage in list(record["stages"]):
        if stage not in stages:
            known = STAGES.get(stage)
            record.forget(stage, findings(known) if known else ())
    target.mkdir(parents=True, exist_ok=True)
    for stage in stages:
        with atomic_folder(target / stage) as temporary:
            shutil.copytree(source / stage, temporary, dirs_exist_ok=True)
    record.path = target / "record.json"
    record.write()  # last: what it lists is there
