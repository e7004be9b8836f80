"""What a stage is: everything that the pipeline asks of it, in one value."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from rnascl_tf.data import DataSet
    from rnascl_tf.report.model_style import ModelStyle
    from rnascl_tf.runs import Run


@dataclasses.dataclass(frozen=True)
class Change:
    """A config value that differs from the one that a stage was started with.

    Attributes:
        key: dotted, as on the command line: "search.gamma".
        old: the value that the stage was started with.
        new: today's value.
        section_before: all values of the key's section at that time.
        section_now: all of today's values of that section.
    """

    key: str
    old: Any
    new: Any
    section_before: Mapping[str, Any]
    section_now: Mapping[str, Any]


def _accept(_config: ConfigDict) -> None:
    pass


def _accept_data(_config: ConfigDict, _dataset: DataSet) -> None:
    pass


def _only_seconds(_run: Run) -> float:
    return 0.0


def _never(_run: Run, _change: Change) -> bool:
    return False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the main job: its facts and its work.

    Attributes:
        name: on the command line, in the record, and of its folder.
        title: what it does, in a few words.
        run: does the work: calls `run.folder(name)` once its input is accepted, writes its files there
            and its findings to `run.record`.
        sections: config sections that its result depends on, besides those of the stages that it
            reads.
        after: names of the stages whose files it reads.
        reads_students: it reads the students of all stages before it, and writes the robustness of
            each.
        reads_exported: it reads the student that is exported.
        switch: the config key that switches it on; None: it always runs.
        on: where it runs. "replicas": on all devices, which share each batch. "machine": on all devices
            of a single machine; of several workers, on one device of the chief. "one": on one device
            of the chief.
        always: it runs even if it is finished, because its output is what the user waits for.
        findings: the record's keys that it writes besides its own entry and history; a dot reaches
            into a dict: "robustness.teacher".
        student: the record's name for the student that it saves as `student.keras`, if it does.
        is_control: the student only shows what the others gain: it is compared with them and never
            exported.
        style: how the model that it trains looks in tables and pictures.
        check: raises UserError at config values, usually of its own section, that it could not use.
        check_data: the same for values that do not fit the data set.
        counts: {config key that counts images: the split that must have as many}.
        estimate: seconds that it would take, measured in a few steps; 0.0: not worth measuring.
        keeps_result: whether its result stays the same although a config value has changed.
    """

    name: str
    title: str
    run: Callable[[Run], None]
    sections: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    reads_students: bool = False
    reads_exported: bool = False
    switch: str | None = None
    on: Literal["replicas", "machine", "one"] = "replicas"
    always: bool = False
    findings: tuple[str, ...] = ()
    student: str | None = None
    is_control: bool = False
    style: ModelStyle | None = None
    check: Callable[[ConfigDict], None] = _accept
    check_data: Callable[[ConfigDict, DataSet], None] = _accept_data
    counts: Mapping[str, Literal["train", "validation", "test"]] = dataclasses.field(
        default_factory=dict
    )
    estimate: Callable[[Run], float] = _only_seconds
    keeps_result: Callable[[Run, Change], bool] = _never

    def enabled(self, config: ConfigDict) -> bool:
        """Whether it runs when no stages are named."""
        if self.switch is None:
            return True
        section, _, key = self.switch.partition(".")
        return bool(config[section][key])
