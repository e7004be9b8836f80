"""The cross-check's record: facts of the run, both outcomes of each attack, and how they differ.

A JSON file, which can be committed and continued. Under "attacks", for each norm and attack: "ours"
and "theirs" with robust accuracy, seconds, settings and the outcome of each image in order ("1"
withstood, "0" broken), and how they compare.
"""

import hashlib
import importlib.metadata
import json
from pathlib import Path

import rich.box
import rich.table
import tensorflow as tf

from rnascl_tf.files import write_json
from rnascl_tf.record import git_commit, hardware, versions
from rnascl_tf.robustness import RobustnessError

ALLOWED_POINTS = 1.0
_PACKAGES = ("numpy", "torch", "torchattacks")


def facts(network, images, settings, **measured):
    """Returns a record without attacks.

    Args:
        network: path of the attacked network's file.
        images: float32 [n, height, width, channels], the attacked images.
        settings: {name: value}, JSON-ready, everything else that the numbers depend on.
        **measured: further facts, JSON-ready.
    """
    packages = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {
        # Two runs may share a record if these are equal.
        "identity": {
            "network": network.name,
            "network_sha256": hashlib.sha256(network.read_bytes()).hexdigest(),
            "examples": len(images),
            "images_sha256": hashlib.sha256(images.tobytes()).hexdigest(),
            **settings,
        },
        **measured,
        "versions": versions() | packages,
        "hardware": hardware(),
        "tensorflow_threads": tf.config.threading.get_intra_op_parallelism_threads() or "all",
        "attacks": {},
    }


def begun(path, fresh):
    """Returns the record that a file holds; without a file the fresh one, written there.

    Args:
        path: the file.
        fresh: from `facts`.

    Raises:
        RobustnessError: the file is damaged, or of a run with another identity.
        OSError: it cannot be written.
    """
    path = Path(path)
    if not path.exists():
        write_json(path, fresh)
        return fresh
    try:
        record = json.loads(path.read_text())
        known = dict(record["identity"])
        dict(record["attacks"])
    except (ValueError, KeyError, TypeError):
        raise RobustnessError(
            f"{path} is not a record of a cross-check; give another file."
        ) from None
    for name, value in fresh["identity"].items():
        if known.get(name) != value:
            raise RobustnessError(
                f"{path} is the record of another cross-check: {name} {known.get(name)} there, "
                f"{value} here; give another file, or delete it."
            )
    return record


def outcome(standing, seconds, definition):
    """Returns one side's part of an attack's entry.

    Args:
        standing: bool [n], True where an image is classified correctly before and after.
        seconds: how long it took.
        definition: the attack with its settings, in words.
    """
    return {
        "robust_accuracy": float(standing.mean()),
        "seconds": round(seconds, 1),
        "definition": definition,
        # Each has its own: a record may be continued after a change.
        "git_commit": git_commit(),
        "standing": "".join("1" if stands else "0" for stands in standing),
    }


def comparison(ours, theirs):
    """Returns how two outcomes differ.

    Args:
        ours: from `outcome`.
        theirs: from `outcome`, of the same images.

    Returns:
        {"difference_in_points": ours - theirs, "within_a_point", "images": how many are broken by
        both (misclassified ones among them), by one of the two, or by none}.
    """
    pairs = list(zip(ours["standing"], theirs["standing"], strict=True))
    # Rounded, because 5 of 500 images are to be one point.
    difference = round(100 * (ours["robust_accuracy"] - theirs["robust_accuracy"]), 6)
    return {
        "difference_in_points": difference,
        "within_a_point": abs(difference) <= ALLOWED_POINTS,
        "images": {
            "both_break": pairs.count(("0", "0")),
            "only_ours_breaks": pairs.count(("0", "1")),
            "only_theirs_breaks": pairs.count(("1", "0")),
            "both_stand": pairs.count(("1", "1")),
        },
    }


def table(record):
    """Returns the attacks that both sides have finished as a `rich.table.Table`."""
    rows = rich.table.Table(box=rich.box.SIMPLE_HEAD)
    for column in ("attack", "ours", "theirs", "points", "only ours breaks", "only theirs", "s"):
        rows.add_column(column)
    for name, entry in record["attacks"].items():
        if "images" not in entry:
            continue
        ours, theirs = entry["ours"], entry["theirs"]
        rows.add_row(
            name,
            f"{ours['robust_accuracy']:.1%}",
            f"{theirs['robust_accuracy']:.1%}",
            f"{entry['difference_in_points']:+.1f}",
            str(entry["images"]["only_ours_breaks"]),
            str(entry["images"]["only_theirs_breaks"]),
            f"{ours['seconds']:.0f} / {theirs['seconds']:.0f}",
        )
    return rows
