"""The record of `rnascl attack`: RobustBench's fields first, ours under one key."""

import json
from pathlib import Path

from rnascl_tf.model_files import ModelFile
from rnascl_tf.report import robustbench_record
from rnascl_tf.robustness import Accuracy, AttackResult, ThreatModel

FILE = ModelFile(Path("folder/student.keras"), "keras", abs, "77" * 32, (32, 32, 3), 118130)
ENVIRONMENT = {"versions": {"keras": "3"}, "git_commit": None, "hardware": {"cores": 2}}


def record(space="pixel", budget="standard"):
    std = None if space == "pixel" else (0.25, 0.25, 0.25)
    threat_model = ThreatModel(8 / 255, space=space, std=std)

    def result(correct, **more):
        return AttackResult(Accuracy(correct, 400), 8 / 255, 20, "linf", space, seed=1, **more)

    members = {"apgd-ce": Accuracy(140, 400), "square": Accuracy(130, 400)}
    results = {
        "clean": result(324),
        "pgd20": result(150),
        "autoattack": result(130, budget=budget, members=members),
    }
    return robustbench_record(
        FILE, "cifar10", threat_model, "8/255", results, ENVIRONMENT, None, FILE
    )


def test_fields_of_robustbench():
    found = record()
    assert (found["name"], found["dataset"], found["eps"]) == ("student.keras", "cifar10", "8/255")
    assert (found["clean_acc"], found["autoattack_acc"]) == ("81.00", "32.50")
    assert found["external"] == "32.50", "the lowest of all attacks"
    assert found["unreliable"] is None
    assert "400 evenly spaced test images" in found["footnote"]


def test_only_standard_autoattack_in_pixels_compares():
    assert record(budget="quick")["autoattack_acc"] is None
    assert record(space="normalized")["autoattack_acc"] is None


def test_our_facts_are_json():
    ours = json.loads(json.dumps(record(), allow_nan=False))["rnascl"]
    assert ours["model"] == {
        "file": "student.keras",
        "kind": "keras",
        "sha256": "77" * 32,
        "params": 118130,
    }
    assert ours["robustness"]["autoattack"]["attacks"] == {"apgd-ce": 0.35, "square": 0.325}
    assert ours["teacher"] == {"file": "student.keras", "sha256": "77" * 32}
    assert ours["threat_model"]["norm"] == "linf"
    assert ours["masking"] is None
    assert (ours["versions"], ours["hardware"]) == ({"keras": "3"}, {"cores": 2})
    assert ours["git_commit"] is None
    assert list(ours)[-4:] == ["versions", "hardware", "git_commit", "made_at"]
