"""The stages in the order in which they run, and what follows from all of them together.

A new stage is a file here with its `STAGE`, and its line in `STAGES`.
"""

from __future__ import annotations

from ml_collections import ConfigDict

from rnascl_tf.report.model_style import ModelStyle
from rnascl_tf.stages import (
    baseline,
    evaluate,
    export,
    report,
    search,
    teacher,
    trades,
    train,
)
from rnascl_tf.stages.stage import Stage

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        teacher.STAGE,
        search.STAGE,
        train.STAGE,
        trades.STAGE,
        baseline.STAGE,
        evaluate.STAGE,
        export.STAGE,
        report.STAGE,
    )
}
"""The stages by name, in the order in which they run."""


def student_stages() -> dict[str, Stage]:
    """Returns {the record's name of a student: the stage that trains it}, in order."""
    return {stage.student: stage for stage in STAGES.values() if stage.student is not None}


def exported_stage(config: ConfigDict) -> Stage:
    """Returns the stage whose student is exported: the last that is enabled and not a control."""
    return [stage for stage in _exportable() if stage.enabled(config)][-1]


def compared_students() -> tuple[str, str]:
    """Returns the record's names of the method's own student and of its control."""
    control = next(name for name, stage in student_stages().items() if stage.is_control)
    return next(iter(student_stages())), control


def model_styles() -> dict[str, ModelStyle]:
    """Returns {the record's name of a model: how it looks in tables and pictures}."""
    return {
        stage.student or stage.name: stage.style
        for stage in STAGES.values()
        if stage.style is not None
    }


def sources(stage: Stage) -> tuple[str, ...]:
    """Returns the names of the stages whose files a stage reads."""
    read = [other.name for other in _read_by(stage)]
    return tuple(dict.fromkeys((*stage.after, *read)))


def sections(stage: Stage) -> tuple[str, ...]:
    """Returns the config sections that a stage's result depends on, without those of its sources."""
    # Which students there are is a matter of their switches.
    switches = [other.switch.partition(".")[0] for other in _read_by(stage) if other.switch]
    return tuple(dict.fromkeys((*stage.sections, *switches)))


def findings(stage: Stage) -> tuple[str, ...]:
    """Returns the record's keys that a stage writes besides its own entry and history."""
    evaluated = student_stages() if stage.reads_students else ()
    return (*stage.findings, *(f"robustness.{student}" for student in evaluated))


def _read_by(stage: Stage) -> list[Stage]:
    """Returns the stages whose students a stage reads, of all that may be switched on."""
    if stage.reads_students:
        return list(student_stages().values())
    return _exportable() if stage.reads_exported else []


def _exportable() -> list[Stage]:
    return [stage for stage in student_stages().values() if not stage.is_control]
