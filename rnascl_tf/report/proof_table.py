"""The proof that a converted teacher answers as its source does."""

from __future__ import annotations

import rich.table

import teachers
from rnascl_tf.report.table_style import titled_table


def proof_table(
    teacher: teachers.Teacher, verification: teachers.Verification, images_from: str
) -> rich.table.Table:
    """Returns a table with the largest relative error of each tapped layer and of the logits.

    Args:
        teacher: the converted teacher.
        verification: its comparison with the source.
        images_from: where the images of the comparison come from.
    """
    table = titled_table(
        f"{teacher.name} in Keras against {verification.reference}, {verification.images} images "
        f"({images_from})"
    )
    table.add_column("layer", no_wrap=True)
    table.add_column("output", justify="right", no_wrap=True)
    table.add_column("largest relative error", justify="right", no_wrap=True)
    shapes = {name: tensor.shape[1:] for name, tensor in teacher.model.output["taps"].items()}
    shapes["logits"] = (teacher.num_classes,)
    for name, error in verification.errors.items():
        mark = "" if error <= verification.tolerance else "  too large"
        table.add_row(name, "x".join(map(str, shapes[name])), f"{error:.1e}{mark}")
    table.caption = f"{len(teacher.tap_names)} tapped convolutions (n_t)"
    return table
