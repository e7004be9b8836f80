"""A stage is added by its own value and its place among the others; nothing else is edited."""

import dataclasses

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.pipeline import STAGES, dry_run, execute, select
from rnascl_tf.pipeline import check as check_config
from rnascl_tf.recipes import load_recipe
from rnascl_tf.report import robustness_table
from rnascl_tf.report.model_style import ModelStyle
from rnascl_tf.robustness import Accuracy, AttackResult
from rnascl_tf.runs import Run
from rnascl_tf.stages import (
    Change,
    Stage,
    compared_students,
    exported_stage,
    findings,
    model_styles,
    sections,
    sources,
)


def work(run):
    (run.folder("toy") / "result").write_text("made")
    run.record["toy"] = {"found": 1}
    run.record["robustness"]["toy"] = {"clean": {"accuracy": 1.0}}


def check(config):
    if config.train.gamma == 13.0:
        raise UserError("--config.train.gamma=13 brings bad luck.")


def keeps_result(run: Run, change: Change) -> bool:
    return change.key == "train.momentum" and change.new > change.old


TOY = Stage(
    name="toy",
    title="do next to nothing",
    run=work,
    sections=("train", "baseline"),
    switch="baseline.enabled",
    on="one",
    findings=("toy", "robustness.toy"),
    student="toy",
    style=ModelStyle(title="student + toys", color="#123456", text_color="#012345", marker="*"),
    check=check,
    counts={"train.epochs": "test"},
    estimate=lambda run: 3600.0,
    keeps_result=keeps_result,
)


@pytest.fixture(autouse=True)
def registered():
    """The toy stage runs before the evaluation."""
    before = dict(STAGES)
    stages = list(before.values())
    stages.insert(list(before).index("evaluate"), TOY)
    STAGES.clear()
    STAGES.update({stage.name: stage for stage in stages})
    yield
    STAGES.clear()
    STAGES.update(before)


@pytest.fixture
def config():
    return load_recipe("digits:smoke")


@pytest.fixture
def run(config, tmp_path):
    return Run(config, tmp_path / "run")


def test_it_is_selected_in_its_place_while_its_switch_is_on(config):
    names = [stage.name for stage in select(config, [])]
    assert names == [
        "teacher",
        "search",
        "train",
        "baseline",
        "toy",
        "evaluate",
        "export",
        "report",
    ]
    config.baseline.enabled = False
    assert "toy" not in [stage.name for stage in select(config, [])]
    with pytest.raises(UserError, match=r"stage toy is disabled: set --config\.baseline\.enabled"):
        select(config, ["toy"])


def test_its_student_is_evaluated_with_the_others():
    evaluate = STAGES["evaluate"]
    assert sources(evaluate) == ("train", "trades", "baseline", "toy")
    assert sections(evaluate) == ("evaluate", "trades", "baseline")
    assert findings(evaluate) == (
        "masking",
        "robustness.student",
        "robustness.trades",
        "robustness.baseline",
        "robustness.toy",
    )


def test_its_student_is_exported_in_place_of_those_before_it(config):
    export = STAGES["export"]
    assert sources(export) == ("train", "trades", "toy")
    assert sections(export) == ("export", "trades", "baseline")
    assert exported_stage(config).name == "toy"
    config.baseline.enabled = False
    assert exported_stage(config).name == "train"


def test_as_a_control_it_is_only_compared(config):
    STAGES["toy"] = dataclasses.replace(TOY, is_control=True)
    assert sources(STAGES["export"]) == ("train", "trades")
    assert "toy" in sources(STAGES["evaluate"])
    assert exported_stage(config).name == "train"
    assert compared_students() == ("student", "baseline")


def test_it_is_run_recorded_skipped_and_forgotten(run):
    execute(run, select(run.config, ["toy"]))
    entry = run.record["stages"]["toy"]
    assert entry["status"] == "finished"
    assert entry["settings"].keys() == {"train", "baseline"}
    (run.workdir / "toy" / "result").write_text("not made again")
    execute(Run(run.config, run.workdir), select(run.config, ["toy"]))
    assert (run.workdir / "toy" / "result").read_text() == "not made again"

    def refuses(run):
        run.folder("toy")
        raise KeyboardInterrupt

    again = Run(run.config, run.workdir)
    with pytest.raises(KeyboardInterrupt):
        execute(again, [dataclasses.replace(TOY, run=refuses)], overwrite=True)
    assert again.record["stages"]["toy"]["status"] == "started"
    assert again.record.get("toy") is None
    assert again.record["robustness"] == {}
    assert not list((run.workdir / "toy").iterdir())


def test_it_need_not_write_files(run):
    execute(run, [dataclasses.replace(TOY, run=lambda run: None)])
    assert Run(run.config, run.workdir).is_done("toy")
    assert [path.name for path in run.workdir.iterdir()] == ["record.json"]


def test_it_says_which_config_changes_it_stands(run):
    execute(run, select(run.config, ["toy"]))
    run.config.train.momentum += 0.01
    execute(run, select(run.config, ["toy"]))
    run.config.train.momentum -= 0.02
    with pytest.raises(UserError, match=r"holds the toy stage of another config: train\.momentum"):
        execute(run, select(run.config, ["toy"]))


def test_it_checks_its_values_and_what_the_data_must_have(run):
    check_config(run.config)
    run.config.train.gamma = 13.0
    with pytest.raises(UserError, match="brings bad luck"):
        check_config(run.config)
    run.config.train.epochs = 10_000
    with pytest.raises(UserError, match=r"train\.epochs=10000, but digits has .* test images"):
        execute(run, select(run.config, ["toy"]))
    assert not run.workdir.exists()


def test_it_estimates_its_time(run, capsys):
    dry_run(run, select(run.config, ["toy"]))
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["toy", "not", "started", "60", "min"] for line in lines)
    assert not run.workdir.exists()


def test_its_student_has_a_column_of_its_own_title():
    result = AttackResult(Accuracy(7, 10), 0.1, 20, "linf", "pixel").to_json()
    record = {
        "config": {"threat": {"norm": "linf", "epsilon": "8/255"}},
        "robustness": {"toy": {"fgsm": result}},
    }
    table = robustness_table(record, model_styles())
    assert [column.header for column in table.columns] == ["attack", "student + toys\nn = 10"]
