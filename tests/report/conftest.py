"""Diagnostics of a small search, and records as the stages write them, shortened."""

import io
import json

import numpy as np
import pytest
import rich.console

from rnascl_tf.robustness import Accuracy, AttackResult
from rnascl_tf.training.search.diagnostics import SearchDiagnostics


@pytest.fixture
def diagnostics():
    """Three epochs, two student layers, three teacher layers, two blocks of three and two choices."""
    return SearchDiagnostics(
        epoch=np.array([0, 1, 2]),
        tutors=np.array(
            [
                [[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]],
                [[0.3, 0.6, 0.1], [0.2, 0.2, 0.6]],
                [[0.1, 0.8, 0.1], [0.1, 0.6, 0.3]],
            ],
            np.float32,
        ),
        filters=np.array(
            [
                [[0.4, 0.3, 0.3], [0.6, 0.4, np.nan]],
                [[0.4, 0.3, 0.3], [0.4, 0.6, np.nan]],
                [[0.5, 0.3, 0.2], [0.3, 0.7, np.nan]],
            ],
            np.float32,
        ),
        choices=np.array([[14, 12, 6], [8, 4, 0]]),
        student_layers=np.array(["stem", "stage1_block1_expand"]),
        teacher_layers=np.array(["body_0_conv", "body_1_conv", "body_2_conv"]),
        blocks=np.array(["stage1_block1", "stage2_block1"]),
    )


def result(accuracy, epsilon, n=400):
    return AttackResult(
        Accuracy(round(accuracy * n), n), epsilon, 20 if epsilon else 0, "linf", "pixel"
    ).to_json()


def attacked(clean, pgd20, cw=None, epsilon=8 / 255, n=400):
    results = {"clean": result(clean, 0.0, n), "pgd20": result(pgd20, epsilon, n)}
    return results if cw is None else results | {"cw": result(cw, epsilon, n)}


@pytest.fixture
def write_record(tmp_path):
    """Writes `name/record.json` (or the file `name` itself) and returns its run folder (or file)."""

    def write(name, robustness, data="cifar10", params=118130, sha256="same teacher"):
        values = {
            "schema": 1,
            "stages": {},
            "history": {},
            "config": {"data": {"name": data}, "threat": {"norm": "linf"}},
            "teacher": {"sha256": sha256},
            "architecture": {"params": params},
            "robustness": robustness,
        }
        file = tmp_path / name
        if file.suffix != ".json":
            file = file / "record.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
        return file if name.endswith(".json") else file.parent

    return write


@pytest.fixture
def models():
    """Functions that make a model's results: `attacked(clean, pgd20, cw)` and `result`."""
    return attacked, result


@pytest.fixture
def lines_of():
    """The printed lines of a `rich` table, words one space apart."""

    def lines(table, width=100):
        console = rich.console.Console(file=io.StringIO(), width=width)
        console.print(table)
        return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]

    return lines
