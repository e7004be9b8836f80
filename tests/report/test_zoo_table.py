"""The known checkpoints as they are listed."""

import dataclasses

from rnascl_tf.report.zoo_table import claimed_accuracies, zoo_table
from teachers.pytorch.zoo import ZOO


def test_a_row_for_each_checkpoint(lines_of):
    entries = list(ZOO.values())
    text = lines_of(zoo_table(entries), width=400)
    for entry in entries:
        (line,) = [line for line in text if line.startswith(f"{entry.name} ")]
        assert claimed_accuracies(entry) in line
        assert entry.published in line
        assert str(entry.paper.year) in line


def test_unknown_accuracies_are_dashes():
    entry = dataclasses.replace(next(iter(ZOO.values())), clean=81.5, robust=None)
    assert claimed_accuracies(entry) == "81.50 / -"
