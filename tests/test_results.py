"""docs/results.md and docs/robustness.md say what the committed records say."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from rnascl_tf.ablation import comparison, write_comparison
from rnascl_tf.networks import count
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
