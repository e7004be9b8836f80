"""The benchmarks still fit the code that they measure; their times are not a test's business."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from benchmarks import fixed_views
from benchmarks.__main__ import BENCHMARKS
from rnascl_tf.training import Stream

ROOT = Path(__file__).resolve().parents[2]


def test_every_benchmark_is_listed():
    files = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    assert files - set(BENCHMARKS) == {
        "__init__",
        "__main__",
        "crosscheck_autoattack",
        "crosscheck_record",
        "pytorch_student",
        "ratio",
    }


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_is_importable_and_runs_by_name(name):
    assert callable(importlib.import_module(f"benchmarks.{name}").run)


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [(["--help"], 0, "search_step"), (["demos"], 2, "unknown: demos; give some of search_step")],
)
def test_the_command_line(arguments, code, part):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert part in done.stdout + done.stderr


def test_each_part_of_fixed_views_makes_the_batches_that_it_reads(monkeypatch):
    """From one stream for all parts it would read what was prefetched while the other side ran."""
    read = []
    monkeypatch.setattr(
        fixed_views, "training_step", lambda *_: lambda batch: read.append(int(batch))
    )
    numbers = tf.data.Dataset.counter().prefetch(2)
    epoch = fixed_views._epoch(None, None, Stream(lambda *_: numbers, fixed_views.STEPS))
    for _ in range(2):
        epoch()
    assert read == [*range(fixed_views.STEPS)] * 2
