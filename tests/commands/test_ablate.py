"""The comparison as a user runs it, and wrong input refused before anything runs."""

import json

import pytest

from rnascl_tf import ablation
from rnascl_tf.commands import run
from rnascl_tf.commands.ablate import main
from tests import tiny_recipe

SMOKE = [
    f"--config={tiny_recipe.__file__}",
    "--config.evaluate.attacks=clean,fgsm",
    "--config.data.train_examples=64",
    "--config.teacher.evaluate_examples=8",
    "--config.teacher.verify_examples=2",
    "--config.signals.views=2",
]


@pytest.fixture(autouse=True, scope="module")
def known_space(tiny_config):
    """The recipe leaves its space behind; `tiny_config` takes it away."""


def run_here(jobs, at_once, on_done):
    """Runs jobs in this process: each of its own would import TensorFlow again."""
    for job in jobs:
        assert run.main(job.arguments) == 0, job
        on_done(job, None)
    return {}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("ablate")
    rows = ["--vary=tutor=reversed", "--row=plain:kl=off,attention=off"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ablation, "run_jobs", run_here)
        assert main([*SMOKE, f"--workdir={workdir}", *rows]) == 0
    return workdir


def record(workdir, row):
    return json.loads((workdir / row / "seed_0" / "record.json").read_text())


def test_rows_share_teacher_and_filters_and_differ_in_what_is_varied(workdir):
    base, reversed_, plain = (record(workdir, row) for row in ("base", "tutor_reversed", "plain"))
    assert base["teacher"] == reversed_["teacher"] == plain["teacher"]
    filters = [run["architecture"]["filters"] for run in (base, reversed_, plain)]
    assert filters[0] == filters[1] == filters[2]
    tutors = [tutor["teacher"] for tutor in reversed_["architecture"]["tutors"]]
    taps = reversed_["teacher"]["taps"]
    assert tutors[0] == taps[-1]
    assert tutors[-1] == taps[0]
    assert plain["architecture"]["tutors"] == []
    assert set(reversed_["history"]["train"][0]) > {"divergence", "attention"}
    assert not {"divergence", "attention"} & set(plain["history"]["train"][0])
    assert "search" not in plain["history"], "the base's search is shared"


def test_rows_share_the_signals_of_fixed_views(workdir):
    (folder,) = (workdir / "signals").iterdir()
    assert {path.name for path in folder.glob("view_*[0-9]")} == {"view_0000", "view_0001"}
    assert not list(workdir.rglob("teacher/signals"))


def test_table_is_written_and_the_baseline_left_out(workdir):
    rows = json.loads((workdir / "comparison.json").read_text())
    assert [row["row"] for row in rows] == ["teacher", "tutor=reversed", "plain"]
    assert set(record(workdir, "plain")["robustness"]) == {"teacher", "student"}


def test_every_seed_has_runs_of_its_own(tmp_path, monkeypatch):
    asked = []

    def run_none(jobs, at_once, on_done):
        asked.extend(jobs)
        return {jobs[0]: "not run"}

    monkeypatch.setattr(ablation, "run_jobs", run_none)
    arguments = ["--config.seed=5", "--seeds=3", "--vary=kl", f"--workdir={tmp_path}"]
    assert main([*SMOKE, *arguments]) == 2
    seeds = (5, 6, 7)
    assert [job.log.parent for job in asked] == [tmp_path / "base" / f"seed_{n}" for n in seeds]
    for job, seed in zip(asked, seeds, strict=True):
        given = [each for each in job.arguments if each.startswith("--config.seed=")]
        assert given == [f"--config.seed={seed}"]


def test_finished_rows_are_not_run_again_and_a_failing_one_is_named(workdir, capfd):
    """In real processes, two at a time."""
    before = {path: path.stat().st_mtime_ns for path in workdir.rglob("student.keras")}
    rows = ["--row=plain:kl=off,attention=off", "--row=hot:train.learning_rate=1e30"]
    assert main([*SMOKE, f"--workdir={workdir}", *rows]) == 2
    assert before == {path: path.stat().st_mtime_ns for path in workdir.rglob("student.keras")}
    log = (workdir / "plain" / "seed_0" / "log.txt").read_text()
    assert "train: finished before" in log
    output = capfd.readouterr()
    assert "1 of 2 runs failed; hot, seed 0: train: the loss term" in output.err
    assert "plain" in output.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to compare"),
        (["--vary=tuttor"], "did you mean tutor?"),
        (["--vary=train.epochs"], "--vary=train.epochs needs values"),
        (["--vary=evaluate.examples=40,0"], "evaluate.examples=0 should be at least 1"),
        (["--vary=tutor=best"], "method.tutor has no 'best'"),
        (["--vary=noise"], "give --search=each"),
        (["--vary=teacher.epochs=1,2"], "all rows share their teacher"),
        (["--row=a:kl=off", "--row=a:kl=on"], "two rows would be called 'a'"),
        (["--row=base:kl=off"], "two rows would be called 'base'"),
        (["--row=x:search.nope=1"], "has no 'nope'"),
        (["--row=..:kl=off"], "start its name with a letter"),
        (["--row=comparison.md:kl=off"], "start its name with a letter"),
        (["--config.search.architecture=nope.json", "--vary=kl"], "nope.json does not exist"),
        (["--vary=train.epoch=1,2"], "has no 'epoch' (did you mean epochs?)"),
        (["--vary=kl", "--seeds=0"], "seeds"),
        (["--vary=kl", "--jobs=0"], "jobs"),
    ],
)
def test_refuses_what_cannot_run_before_anything_runs(tmp_path, capfd, arguments, message):
    workdir = tmp_path / "runs"
    assert main([*SMOKE, f"--workdir={workdir}", *arguments]) == 2
    error = capfd.readouterr().err.strip()
    assert message in error
    assert error.count("\n") == 0
    assert not workdir.exists()
