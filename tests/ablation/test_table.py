"""The comparison's numbers, from records written by hand."""

import csv
import json

import pytest

from rnascl_tf.ablation import comparison, comparison_table, write_comparison
from rnascl_tf.robustness import Accuracy, AttackResult


def result(accuracy, n=500):
    return AttackResult(Accuracy(round(accuracy * n), n), 0.1, 20, "linf", "pixel").to_json()


def record(seed, robustness, **stages):
    return {
        "seeds": {"run": seed},
        "architecture": {"params": 1000 + seed, "macs": 7000},
        "history": {
            name: [{"seconds": seconds / 2}, {"seconds": seconds / 2}]
            for name, seconds in stages.items()
        },
        "robustness": robustness,
    }


@pytest.fixture
def rows():
    def student(clean, robust):
        return {"student": {"clean": result(clean), "pgd20": result(robust, n=300)}}

    runs = {
        "ours": [
            record(0, student(0.70, 0.20), search=1800, train=3600),
            record(1, student(0.74, 0.26), train=1800),
        ],
        "one": [
            record(
                0,
                {**student(0.5, 0.1), "trades": {"clean": result(0.4), "pgd20": result(0.3)}},
                train=3600,
                trades=1800,
            )
        ],
    }
    teacher = record(0, {"teacher": {"clean": result(0.9), "pgd20": result(0.6)}})
    return comparison(runs, [teacher])


def test_mean_and_standard_deviation_over_seeds(rows):
    ours = next(row for row in rows if row.row == "ours")
    assert ours.seeds == (0, 1)
    assert ours.params == (1000, 1001)
    assert ours.macs == (7000, 7000)
    assert ours.hours == (1.5, 0.5)
    pgd = ours.results["pgd20"]
    assert pgd.mean == pytest.approx(0.23)
    # Two values 0.06 apart: sample deviation 0.06 / sqrt(2).
    assert pgd.std == pytest.approx(0.0424264, rel=1e-5)
    assert pgd.epsilon == 0.1
    assert pgd.n == 300
    assert str(pgd) == "23.0 ± 4.2"


def test_one_seed_has_an_interval_and_no_deviation(rows):
    clean = next(row for row in rows if row.row == "one").results["clean"]
    assert clean.std is None
    assert str(clean) == str(Accuracy(250, 500))


def test_trades_and_the_teacher_have_rows_of_their_own(rows):
    assert [row.row for row in rows] == ["teacher", "ours", "one", "one + fine-tuning"]
    assert rows[0].params is None
    assert rows[0].hours is None
    assert rows[2].hours == (1.0,), "without the fine-tuning's"
    assert rows[3].hours == (1.5,)


def test_files_hold_the_same_numbers(rows, tmp_path):
    write_comparison(rows, tmp_path)
    teacher, ours, one, _ = json.loads((tmp_path / "comparison.json").read_text())
    assert (teacher["hours"], teacher["params"], teacher["macs"]) == (None, None, None)
    assert list(ours) == ["row", "seeds", "hours", "accuracies", "params", "macs"]
    assert (ours["seeds"], ours["hours"], ours["macs"]) == ([0, 1], [1.5, 0.5], [7000, 7000])
    pgd = ours["accuracies"]["pgd20"]
    assert list(pgd) == ["values", "n", "mean", "sd", "interval", "epsilon"]
    assert (pgd["values"], pgd["n"], pgd["interval"], pgd["epsilon"]) == (
        [0.2, 0.26],
        300,
        None,
        0.1,
    )
    assert one["accuracies"]["clean"]["sd"] is None
    assert one["accuracies"]["clean"]["interval"] == list(Accuracy(250, 500).interval)
    with (tmp_path / "comparison.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 8
    ours = next(line for line in lines if (line["row"], line["attack"]) == ("ours", "clean"))
    assert float(ours["mean"]) == pytest.approx(0.72)
    assert ours["params"] == "1000.5"
    text = (tmp_path / "comparison.md").read_text().splitlines()
    assert text[0] == "| row | params | MACs | clean | pgd20 | images | seeds | hours |"
    assert text[3].startswith("| ours | 1,000 | 7,000 | 72.0 ± 2.8 | 23.0 ± 4.2 | 300/500 | 2 |")
    assert text[4].startswith("| one | 1,000 | 7,000 | 50.0 [45.6, 54.4] |")


def test_table_has_every_row(rows):
    assert comparison_table(rows, "title").row_count == 4
