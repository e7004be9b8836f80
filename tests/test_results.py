"""docs/results.md says what the committed records say."""

import json
import re
from pathlib import Path

import pytest

from rnascl_tf.ablation import comparison, write_comparison
from rnascl_tf.networks import count
from rnascl_tf.report import Record

DOCS = Path(__file__).resolve().parents[1] / "docs"
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
