"""A run: its config, its folder, and what its stages share (data, teacher, record)."""

import contextlib
import functools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
from absl import logging
from ml_collections import ConfigDict

from rnascl_tf.data import DataSet, load_dataset
from rnascl_tf.errors import UserError
from rnascl_tf.files import may_write
from rnascl_tf.files.permission import why_unwritable
from rnascl_tf.networks import SEARCH_SPACES, SearchProblem, SearchSpace
from rnascl_tf.record import Record
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.runs.config_threat_model import threat_model_of
from rnascl_tf.runs.folder_lock import FolderLock
from rnascl_tf.runs.stage_files import load_student, stage_file
from rnascl_tf.runs.teacher_files import load_teacher
from rnascl_tf.runtime.devices import ONE_DEVICE, Devices
from teachers import Teacher


class Run:
    """One run directory and its config.

    Args:
        config: a locked config, see `rnascl_tf/recipes/base.py`.
        workdir: the run's folder, the same for all workers; nothing is created by the constructor.
        devices: the devices that share the batches.
    """

    def __init__(
        self, config: ConfigDict, workdir: str | Path, devices: Devices = ONE_DEVICE
    ) -> None:
        self.config = config
        self.workdir = Path(workdir)
        self.devices = devices
        self.record = Record(self.workdir / "record.json")
        self._announced: dict[str, tuple[dict[str, Any], Mapping[str, Sequence[str]]]] = {}
        self._lock: FolderLock | None = None
        self._is_new = False

    def is_done(self, stage: str) -> bool:
        """Whether a stage is finished here, by the record."""
        return self.record.is_finished(stage)

    def announce(
        self,
        stage: str,
        entry: dict[str, Any],
        overwritten: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """Keeps a stage's record entry until the stage asks for its folder.

        A stage checks its input first; input that is refused then leaves no trace: the corrected
        command is not taken for another config's, and an overwrite has not removed anything yet.

        Args:
            stage: the stage's name.
            entry: what the record will say of it.
            overwritten: {stage whose files are removed when this one starts: its findings, the
                record's keys that go with it}.
        """
        self._announced[stage] = (entry, overwritten)

    def folder(self, stage: str) -> Path:
        """Returns the folder of a stage's files, created; records the stage as started.

        Raises:
            UserError: it cannot be created, or another process uses the run.
        """
        folder = self.workdir / stage
        entry, overwritten = self._announced.pop(stage, (None, {}))
        with _explained(folder):
            if may_write():
                self.workdir.mkdir(parents=True, exist_ok=True)
            self._hold_lock()  # before anything is removed
            for name, findings in overwritten.items():
                if may_write() and (self.workdir / name).exists():
                    shutil.rmtree(self.workdir / name)
                self.record.forget(name, findings)
            if may_write():
                folder.mkdir(exist_ok=True)
        if entry is not None:
            self.record["stages"][stage] = entry
            self.record.write()
            logging.get_absl_logger().info(
                "%s: started", stage, extra={"fields": {"stage": stage, "status": "started"}}
            )
            # No worker may read what is being removed.
            self.devices.wait_for_all()
        return folder

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from this run.

        The lock is a file: in a new run it is taken with the first stage's folder, so that refused
        input leaves no file.

        Raises:
            UserError: at once or from `folder`: another process uses the run; it is named.
        """
        self._lock = FolderLock(self.workdir)
        self._is_new = not self.record.path.exists()
        try:
            if not self._is_new:
                self._hold_lock()
                # Another process may have finished stages since it was read.
                self.record = Record(self.record.path)
            yield
        finally:
            self._lock.release()
            self._lock = None

    def _hold_lock(self) -> None:
        if self._lock is None or not may_write():
            return
        newly = self._lock.acquire()
        if newly and self._is_new and self.record.path.exists():
            raise UserError(
                f"another process has run stages in {self.workdir} in the meantime: give the same "
                "command again to go on from there."
            )

    def need(self, stage: str, name: str) -> Path:
        """Returns the path of a file that an earlier stage has written.

        Raises:
            UserError: it does not exist.
        """
        return stage_file(self.workdir, stage, name)

    def student(self, stage: str) -> keras.Model:
        """Returns the student that a stage has saved; UserError if it is missing or damaged."""
        return load_student(self.workdir, stage)

    @functools.cached_property
    def dataset(self) -> DataSet:
        """The config's `DataSet`."""
        if not self.devices.is_chief:
            self.devices.wait_for_all()  # the first reading may download or copy
        try:
            return self._load_dataset()
        finally:
            if self.devices.is_chief:
                self.devices.wait_for_all()

    def _load_dataset(self) -> DataSet:
        data = self.config.data
        return load_dataset(
            data.name,
            data_dir=data.data_dir or None,
            train_examples=data.train_examples,
            validation_examples=data.validation_examples,
            image_size=data.image_size,
            resized_crop=data.resized_crop,
        )

    @contextlib.contextmanager
    def on(self, devices: Devices) -> Iterator[None]:
        """Within it the run's models are those of other devices; data stay."""
        before = self.devices
        if devices is before:
            yield
            return
        self.devices = devices
        self.__dict__.pop("teacher", None)
        try:
            yield
        finally:
            self.devices = before
            self.__dict__.pop("teacher", None)

    @property
    def space(self) -> SearchSpace:
        """The config's `SearchSpace`."""
        return SEARCH_SPACES[self.config.search.space]

    @property
    def problem(self) -> SearchProblem:
        """The config's `SearchSpace` on its data set."""
        return SearchProblem(self.space, self.dataset.num_classes, self.dataset.input_shape)

    @property
    def threat_model(self) -> ThreatModel:
        """The config's `ThreatModel`."""
        return threat_model_of(self.config)

    @functools.cached_property
    def teacher(self) -> Teacher:
        """The teacher that the teacher stage has accepted."""
        return load_teacher(self)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turns errors of the file system into a user's."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(f"{why_unwritable(folder)}: give another --workdir.") from error
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; give a --workdir you may write to."
        ) from error
