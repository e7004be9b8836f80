"""The tables of files, latency tables and searches in docs/results.md are those of edge.json."""

import json
import re
from pathlib import Path

import pytest

from rnascl_tf.networks import SEARCH_SPACES, count

DOCS = Path(__file__).resolve().parents[1] / "docs"
ACTIVATION = {"hard_swish": "hard-swish", "relu6": "ReLU6", "relu": "ReLU"}
STUDENT = {"c10": "two epochs, 2/255", "trades": "TRADES, 8/255"}


@pytest.fixture(scope="module")
def record():
    return json.loads((DOCS / "results" / "edge.json").read_text())


@pytest.fixture(scope="module")
def shown():
    return (DOCS / "results.md").read_text().splitlines()


def percent(result):
    low, high = (100 * end for end in result["interval"])
    return f"{100 * result['accuracy']:.1f} [{low:.1f}, {high:.1f}]"


def row(*cells):
    return f"| {' | '.join(cells)} |"


def test_activations(record, shown):
    for name, measured in record["activations"].items():
        robustness = measured["robustness"]
        assert {result["n"] for result in robustness.values()} == {1000}
        attacked = ("clean", "pgd20@2/255", "pgd20@4/255", "pgd20")
        latency = {export["kind"]: export["latency"] for export in measured["exports"]}
        assert row(
            ACTIVATION[name],
            *(percent(robustness[attack]) for attack in attacked),
            *(f"{latency[kind]['p50_ms']:.3f}" for kind in latency),
        ) in shown  # fmt: skip
    # The same filters in all: what differs is the activation.
    filters = [measured["filters"] for measured in record["activations"].values()]
    assert filters[0] == filters[1] == filters[2]


def test_files(record, shown):
    owners = {ACTIVATION[name]: found for name, found in record["activations"].items()}
    owners |= {STUDENT[name]: found for name, found in record["students"].items()}
    for name, found in owners.items():
        for export in found["exports"]:
            robust = export["robust"]
            assert (export["clean"]["n"], robust["transferred"]["n"], robust["n"]) == (
                1000,
                1000,
                100,
            )
            assert row(
                name,
                export["kind"],
                f"{export['bytes'] / 1024:.0f}",
                f"{100 * export['agreement']['top1']:.1f}",
                f"{export['agreement']['max_difference']:.2g}",
                f"{100 * export['clean']['accuracy']:.1f}",
                f"{100 * robust['transferred']['accuracy']:.1f}",
                f"{100 * robust['keras']['transferred']['accuracy']:.1f}",
                f"{100 * robust['accuracy']:.0f}",
                f"{100 * robust['keras']['accuracy']:.0f}",
                str(export["pieces"]),
            ) in shown  # fmt: skip
            assert not robust["flagged"]


def test_latency_tables(record, shown):
    for kind, table in record["tables"].items():
        check = table["check"]
        assert row(
            kind,
            str(check["students"]),
            f"{check['fastest_ms']:.4f} to {check['slowest_ms']:.4f}",
            f"{100 * check['median_error']:.1f}",
            f"{100 * check['largest_error']:.1f}",
            f"{check['rank_correlation']:.3f}",
        ) in shown  # fmt: skip


def test_searches(record, shown):
    for search in record["searches"].values():
        filters = search["filters"]
        fields = {"space": "S3", "filters": filters, "num_classes": 10, "input_shape": [32, 32, 3]}
        assert count(fields).macs == search["macs"]
        SEARCH_SPACES["S3"].blocks(filters)
        target, found = (
            (search["ms"], search["measured_ms"])
            if search["ms"]
            else (search["macs_target"], search["macs"])
        )
        assert row(
            f"{target:g} ms" if search["ms"] else f"{target:,} MACs",
            f"{search['macs']:,}",
            f"{search['predicted_ms']:.4f}",
            f"{search['measured_ms']:.4f}",
            f"{100 * (found / target - 1):+.1f}",
        ) in shown  # fmt: skip


def test_the_record_names_no_machine():
    assert not re.search(r'"/', (DOCS / "results" / "edge.json").read_text())
