"""The documents say what the committed records say, and scripts would make the records again."""

import dataclasses
import hashlib
import importlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from rnascl_tf import data, pipeline
from rnascl_tf.ablation import comparison, write_comparison
from rnascl_tf.command_line.recipe_flags import RecipeFlags
from rnascl_tf.commands.dispatch import main
from rnascl_tf.networks import count, read_architecture
from rnascl_tf.recipes import config_leaves
from rnascl_tf.record import Record

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
RUNS = DOCS / "results" / "runs"


@pytest.fixture(scope="module")
def rows():
    """{row name: its records}, of the rows that are evaluated."""
    found = {}
    for path in sorted(RUNS.glob("*/name.txt")):
        records = [Record(file) for file in sorted(path.parent.glob("seed_*/record.json"))]
        records = [record for record in records if "student" in record["robustness"]]
        if records:
            found[path.read_text().strip()] = records
    return found


def test_the_table_is_that_of_the_records(rows, tmp_path):
    bases = [Record(path) for path in sorted(RUNS.glob("base/seed_*/record.json"))]
    write_comparison(comparison(rows, bases), tmp_path)
    shown = (DOCS / "results.md").read_text().splitlines()
    for line in (tmp_path / "comparison.md").read_text().splitlines():
        assert line in shown


def test_every_row_has_its_trained_student_and_its_size(rows):
    assert rows
    for name, records in rows.items():
        for record in records:
            assert record["architecture"]["macs"] == count(record["architecture"]).macs
            models = {"student": "train", "trades": "trades"}
            for stage in [models[name] for name in record["robustness"] if name in models]:
                assert (record.path.parent / stage / "student.keras").stat().st_size < 2**20, name


def test_records_name_no_machine():
    for path in RUNS.rglob("*.json"):
        text = path.read_text()
        json.loads(text)
        assert not re.search(r'"/(?!physical_device:)', text), f"{path} holds an absolute path"


def test_the_crosscheck_table_is_that_of_its_record():
    record = json.loads((DOCS / "results" / "crosscheck_autoattack.json").read_text())
    network = ROOT / "tests" / "robustness" / "networks" / record["identity"]["network"]
    digest = hashlib.sha256(network.read_bytes()).hexdigest()
    assert record["identity"]["network_sha256"] == digest
    assert record["identity"]["examples"] == 500
    shown = (DOCS / "robustness.md").read_text().splitlines()
    assert len(record["attacks"]) == 8
    for name, entry in record["attacks"].items():
        ours, theirs = entry["ours"], entry["theirs"]
        for side in (ours, theirs):
            assert side["robust_accuracy"] == side["standing"].count("1") / 500
        points = round(100 * (ours["robust_accuracy"] - theirs["robust_accuracy"]), 6)
        assert abs(points) <= 1, name
        pairs = list(zip(ours["standing"], theirs["standing"], strict=True))
        row = f"| {name} | {100 * ours['robust_accuracy']:.1f} "
        row += f"| {100 * theirs['robust_accuracy']:.1f} | {points:+.1f} "
        row += f"| {pairs.count(('0', '1'))} | {pairs.count(('1', '0'))} |"
        assert row in shown


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Runs a script without its trainings; returns the jobs that it would start, by their folders."""
    comparing = importlib.import_module("rnascl_tf.jobs.compare_settings")
    jobs = []
    monkeypatch.setattr(comparing, "_run", lambda given, *_: jobs.extend(given))
    # There are no data, and no teacher to copy.
    monkeypatch.setattr(data, "check_place", lambda *_: None)
    monkeypatch.setattr(pipeline, "branch", lambda _, folder, stages: folder.mkdir(parents=True))
    recorder = tmp_path / "python"
    recorder.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" '' >> '{tmp_path}/commands'\n")
    recorder.chmod(0o755)
    teacher = tmp_path / "teacher.onnx"
    teacher.touch()

    def plan(script):
        subprocess.run(
            ["sh", script, tmp_path, teacher, tmp_path / "runs"],
            env={"PATH": "/usr/bin:/bin", "PYTHON": str(recorder)},
            check=True,
        )
        for command in (tmp_path / "commands").read_text().strip().split("\n\n"):
            module, package, *arguments = command.splitlines()
            assert (module, package) == ("-m", "rnascl_tf")
            assert main(arguments) == 0
        return {str(job.log.parent.relative_to(tmp_path / "runs")): job for job in jobs}

    return plan


@pytest.mark.parametrize(("script", "rows"), [("run.sh", 11), ("robust.sh", 12)])
def test_every_row_of_a_script_is_accepted_before_any_training(script, rows, planned):
    found = planned(DOCS / "results" / script)
    assert len([folder for folder in found if "base/" not in folder]) == rows


def test_the_row_of_another_activation_has_the_filters_and_signals_of_the_others(planned, tmp_path):
    found = planned(DOCS / "results" / "robust.sh")

    def config(folder):
        given = [text for text in found[folder].arguments if text.startswith("--config")]
        return RecipeFlags("").parse(given).config

    base, row = config("relu6/base/seed_0"), config("relu6/KL_ReLU6/seed_0")
    assert (base.search.activation, row.search.activation) == ("relu6", "relu6")
    taken = read_architecture(base.search.architecture)
    committed = read_architecture(RUNS / "base/seed_0/search/architecture.json")
    assert taken == dataclasses.replace(committed, activation="relu6")
    other = config("KL_teacher_first/seed_0")
    assert row.signals.store == other.signals.store == str(tmp_path / "runs" / "signals")
    differing = dict(set(config_leaves(row)) ^ set(config_leaves(other)))
    assert differing.keys() == {"search.activation", "search.architecture"}
