"""What runs, what is skipped, and when a run directory is refused."""

import dataclasses
import json
import os

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.files import reading_only
from rnascl_tf.networks import SEARCH_SPACES, SearchProblem, Tutor, describe, write_architecture
from rnascl_tf.pipeline import STAGES, execute, select
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.runs import Run
from rnascl_tf.runtime.devices import Devices
from rnascl_tf.stages import sections
from teachers import TeacherError


@pytest.fixture
def config():
    return load_recipe("digits:smoke")


def stage(name, run):
    """Returns a stage with other work."""
    return dataclasses.replace(STAGES[name], run=run)


def finished(run, *stages, **changes):
    """Marks stages as finished, in the config of the run unless changed."""
    values = json.loads(run.config.to_json_best_effort())
    for section, change in changes.items():
        values[section] = values[section] | change
    for name in stages:
        settings = {section: values[section] for section in sections(STAGES[name])}
        run.record["stages"][name] = {"status": "finished", "seconds": 1.0, "settings": settings}
        (run.workdir / name).mkdir(parents=True)
        (run.workdir / name / "file").write_text(name)
    run.record.write()


def test_finished_stages_are_skipped(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search")
    execute(run, select(config, ["teacher", "search"]))
    assert (tmp_path / "search" / "file").read_text() == "search"


def test_a_folder_that_cannot_be_made_is_refused_before_the_data_are_read(config, tmp_path):
    (tmp_path / "file").write_text("")
    run = Run(config, tmp_path / "file" / "run")
    with pytest.raises(UserError, match=rf"--workdir=.*{tmp_path}/file is not a folder"):
        execute(run, select(config, []))
    assert "dataset" not in vars(run)
    # Of several workers, those that write nothing are not asked.
    with reading_only(), pytest.raises(ZeroDivisionError):
        execute(run, [stage("teacher", lambda run: 1 / 0)])


def test_refused_input_leaves_no_folder(config, tmp_path):
    def refuse(run):
        raise TeacherError("no teacher")

    with pytest.raises(TeacherError):
        execute(Run(config, tmp_path / "new" / "run"), [stage("teacher", refuse)])
    assert list(tmp_path.iterdir()) == []


def test_a_difference_is_named_with_the_stages_that_depend_on_it(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search", "train", search={"gamma": 9.0})
    with pytest.raises(UserError) as refusal:
        execute(run, select(config, []))
    assert "search.gamma was 9.0, now 10.0" in str(refusal.value)
    assert "--stages=search,train,baseline,evaluate,export,report" in str(refusal.value)
    assert (tmp_path / "search" / "file").exists()


def test_data_and_files_may_lie_elsewhere(config, tmp_path):
    """On another machine, a run resumes with the same data, teacher and architecture."""
    paths = []
    problem = SearchProblem(SEARCH_SPACES["S3"], 10, (32, 32, 3))
    for number, (filters, teacher) in enumerate(((16, "a"), (16, "a"), (12, "a"), (16, "b"))):
        widths, tutors = [[filters] * 3, [20] * 3, [52] * 3], [Tutor("stem", teacher, 0.5)]
        found = describe(problem, widths, tutors, seed=0)
        paths.append(tmp_path / f"{number}.json")
        write_architecture(found, paths[-1])
    run = Run(config, tmp_path / "run")
    before = {"architecture": str(paths[0])}
    finished(run, "teacher", "search", search=before, data={"data_dir": "elsewhere"})
    run.record["architecture"] = json.loads(paths[0].read_text())
    run.record.write()
    config.search.architecture = str(paths[1])
    execute(run, select(config, ["search"]))
    for different in paths[2:]:
        config.search.architecture = str(different)
        with pytest.raises(UserError, match=r"search\.architecture was"):
            execute(run, select(config, ["search"]))


def test_signals_may_lie_elsewhere_but_other_views_are_another_training(config, tmp_path):
    run = Run(config, tmp_path / "run")
    finished(run, "teacher", "search", "train", signals={"store": "elsewhere", "views": 2})
    config.signals.views = 2
    execute(run, select(config, ["search", "train"]))
    config.signals.views = 3
    with pytest.raises(UserError, match=r"signals\.views was 2, now 3.*--stages=search,train"):
        execute(run, select(config, ["search", "train"]))


def test_a_given_architecture_does_not_depend_on_the_views(config, tmp_path):
    config.search.architecture = "architecture.json"
    run = Run(config, tmp_path / "run")
    finished(run, "teacher", "search", signals={"views": 2})
    execute(run, select(config, ["search"]))


@pytest.mark.parametrize("name", ["train", "baseline"])
def test_students_of_other_views_are_not_taken_over(config, tmp_path, name):
    run = Run(config, tmp_path / "run")
    finished(run, name, signals={"views": 2})
    with pytest.raises(UserError, match=rf"the {name} stage of another config: signals\.views"):
        execute(run, select(config, [name]))


def test_keys_younger_than_a_run_count_as_their_defaults(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search")
    settings = run.record["stages"]["search"]["settings"]
    del settings["search"]["cost"], settings["method"]
    run.record.write()
    execute(run, select(config, ["search"]))
    config.search.cost = "none"
    with pytest.raises(UserError, match=r"search\.cost was macs, now none"):
        execute(run, select(config, ["search"]))
    config.search.cost = "macs"
    config.method.kl = False
    with pytest.raises(UserError, match=r"method\.kl was True, now False"):
        execute(run, select(config, ["search"]))


def test_a_killed_stage_of_another_config_is_refused_too(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", teacher={"epochs": 7})
    run.record["stages"]["teacher"]["status"] = "started"
    with pytest.raises(UserError, match=r"teacher\.epochs was 7, now 1"):
        execute(run, select(config, []))


def test_other_stages_of_the_same_run_may_change_their_own_settings(config, tmp_path):
    """Evaluating again with more images needs no new training."""
    run = Run(config, tmp_path)
    finished(run, "teacher", "search", "train", evaluate={"examples": 1})
    execute(run, select(config, ["train"]))


def test_overwrite_refuses_to_leave_results_without_their_source(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search", "train", "evaluate")
    with pytest.raises(UserError, match="--stages=search,train"):
        execute(run, select(config, ["search"]), overwrite=True)
    assert (tmp_path / "search" / "file").exists()


def test_overwrite_removes_nothing_when_the_input_is_refused(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search")
    before = (tmp_path / "record.json").read_text()
    config.teacher.onnx = "none.onnx"
    with pytest.raises(TeacherError, match=r"none\.onnx"):
        execute(run, select(config, ["teacher", "search"]), overwrite=True)
    assert (tmp_path / "teacher" / "file").exists()
    assert (tmp_path / "record.json").read_text() == before


def test_overwrite_removes_all_chosen_stages_when_the_first_starts(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search", "train")
    run.record["history"]["train"] = [{"epoch": 0}]
    run.announce(
        "search", {"status": "started", "settings": {}}, overwritten={"search": (), "train": ()}
    )
    run.folder("search")
    assert not list((tmp_path / "search").iterdir())
    assert not (tmp_path / "train").exists()
    assert (tmp_path / "teacher" / "file").exists()
    again = Run(config, tmp_path).record
    assert again["stages"].keys() == {"teacher", "search"}
    assert again["history"] == {}


def test_overwrite_keeps_what_the_new_stages_have_written(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search")

    def writes(name):
        return lambda run: (run.folder(name) / "new").write_text(name)

    stages = [stage(name, writes(name)) for name in ("teacher", "search")]
    execute(run, stages, overwrite=True)
    for name in ("teacher", "search"):
        assert [path.name for path in (tmp_path / name).iterdir()] == ["new"]
        assert run.record["stages"][name]["status"] == "finished"


def test_advice_names_every_stage_that_must_start_again(config, tmp_path):
    """train's settings are the baseline's too: both, and all after them."""
    run = Run(config, tmp_path)
    finished(run, *STAGES, train={"epochs": 9})
    with pytest.raises(UserError) as refusal:
        execute(run, select(config, []))
    assert "--stages=train,baseline,evaluate,export,report" in str(refusal.value)
    advised = str(refusal.value).partition("--stages=")[2].rstrip(".").split(",")
    with pytest.raises(UserError, match="missing"):  # accepted: it fails on the empty search folder
        execute(run, select(config, advised), overwrite=True)


def test_a_baseline_that_was_disabled_since_is_not_an_obstacle(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search", "train", "baseline")
    config.baseline.enabled = False
    with pytest.raises(UserError, match="missing"):
        execute(run, select(config, ["search", "train"]), overwrite=True)


def test_evaluation_is_not_taken_over_when_the_baseline_is_enabled_later(config, tmp_path):
    run = Run(config, tmp_path)
    config.baseline.enabled = False
    finished(run, "teacher", "search", "train", "evaluate")
    config.baseline.enabled = True
    with pytest.raises(
        UserError, match=r"baseline\.enabled was False, now True.*--stages=baseline,evaluate"
    ):
        execute(run, select(config, []))


def test_refused_input_leaves_no_trace_so_that_the_corrected_command_runs(config, tmp_path):
    config.teacher.onnx = "none.onnx"
    with pytest.raises(TeacherError, match=r"none\.onnx"):
        execute(Run(config, tmp_path), select(config, ["teacher"]))
    assert not list(tmp_path.iterdir())


def test_sources_that_nobody_makes_are_missed_before_any_work(config, tmp_path):
    run = Run(config, tmp_path / "run")
    with pytest.raises(UserError, match="stage report reads what stage export writes"):
        execute(
            run, select(config, ["teacher", "search", "train", "baseline", "evaluate", "report"])
        )
    assert not (tmp_path / "run").exists()


def test_switching_trades_on_names_the_stage_that_is_missing(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search", "train", "baseline", "evaluate", "export")
    config.trades.enabled = True
    with pytest.raises(UserError, match="--overwrite --stages=trades,evaluate,export,report"):
        execute(run, select(config, []))


def test_settings_of_a_disabled_stage_have_no_effect(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search", "train", "baseline", "evaluate", "export")
    config.trades.beta = 1.0
    execute(run, select(config, ["evaluate"]))


def test_an_overwrite_takes_disabled_stages_that_stand_on_it_along(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher", "search", "train", "trades", trades={"enabled": True})
    started = []

    def train(run):
        started.append(run.folder("train"))

    execute(run, [stage("train", train)], overwrite=True)
    assert started
    assert "trades" not in run.record["stages"]
    assert not (tmp_path / "trades").exists()


def test_a_second_process_on_a_run_is_refused_and_a_dead_one_is_not_in_the_way(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, "teacher")
    with (
        run.locked(),
        pytest.raises(UserError, match=rf"in use by process {os.getpid()} on \S+: wait"),
    ):
        execute(Run(config, tmp_path), select(config, ["teacher"]))
    execute(Run(config, tmp_path), select(config, ["teacher"]))


def test_who_comes_second_to_a_new_run_removes_nothing_and_redoes_nothing(config, tmp_path):
    """The second process has looked at the folder before the first has written its record."""

    def teacher(run):
        run.folder("teacher")
        raise AssertionError("only the first may start")

    again = stage("teacher", teacher)
    second = Run(config, tmp_path)

    def first(run):
        (run.folder("teacher") / "of the first").touch()
        with pytest.raises(UserError, match="in use by process"):
            execute(second, [again], overwrite=True)

    execute(Run(config, tmp_path), [stage("teacher", first)])
    assert (tmp_path / "teacher" / "of the first").exists()
    # The first has finished since: its stage is not done again.
    execute(second, [again])
    assert second.record["stages"]["teacher"]["status"] == "finished"


def test_a_run_that_another_process_began_meanwhile_is_not_overwritten(config, tmp_path):
    def first(run):
        (run.folder("teacher") / "of the first").touch()

    def second(run):
        # As if the other had started and finished while this one read its data.
        execute(Run(config, tmp_path), [stage("teacher", first)])
        run.folder("teacher")

    with pytest.raises(UserError, match="another process has run stages"):
        execute(Run(config, tmp_path), [stage("teacher", second)], overwrite=True)
    assert (tmp_path / "teacher" / "of the first").exists()


def test_a_stage_that_goes_on_on_other_devices_says_so(config, tmp_path, two_replicas, caplog):
    def train(run):
        run.folder("teacher")
        raise KeyboardInterrupt

    stages = [stage("teacher", train)]
    with pytest.raises(KeyboardInterrupt):
        execute(Run(config, tmp_path), stages)
    with pytest.raises(KeyboardInterrupt):
        execute(Run(config, tmp_path), stages)
    assert "resumes on" not in caplog.text
    with pytest.raises(KeyboardInterrupt):
        execute(Run(config, tmp_path, Devices(two_replicas)), stages)
    assert "teacher: started on one device, resumes on 2 replica(s), Mirrored" in caplog.text


def test_a_report_that_is_printed_again_anyway_is_not_an_orphan(config, tmp_path):
    run = Run(config, tmp_path)
    finished(run, *(name for name in STAGES if name != "trades"))
    started = []

    def again(run):
        started.append(run.folder("export"))

    execute(run, [stage("export", again)], overwrite=True)
    assert started
    assert run.is_done("report")
