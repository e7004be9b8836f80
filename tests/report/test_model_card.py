"""The model card: every number in it is the record's."""

import re

import pytest

from rnascl_tf.data import load_dataset
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.report.model_card import model_card
from rnascl_tf.robustness import Accuracy


def measured(correct, count):
    return Accuracy(correct, count).to_json()


accuracy = Accuracy.from_json


def export(kind, correct, flagged=False):
    end = {"dtype": "int8", "scale": 0.00392157, "zero_point": -128}
    plain = {"dtype": "float32", "scale": None, "zero_point": None}
    return {
        "file": f"export/student_{kind}.tflite",
        "model": "student",
        "kind": kind,
        "bytes": 123_456,
        "sha256": kind * 8,
        "agreement": {"top1": 0.9831, "max_difference": 0.125},
        "clean": measured(171, 200),
        "robust": {
            **measured(correct, 97),
            "attack": "pgd20 made on the Keras student, transferred, then square, 1000 queries",
            "epsilon": 8 / 255,
            "norm": "linf",
            "space": "pixel",
            "transferred": measured(91, 200),
            "square_attacked": 45,
            "square_broke": 3,
            "keras": measured(42, 97) | {"transferred": measured(93, 200)},
            "drop_points": 4.1237,
            "drop_points_transferred": 1.0,
            "flagged": flagged,
        },
        "latency": {"p50_ms": 0.1234, "p90_ms": 0.2345, "threads": 1, "runs": 200},
        "latency_target": {"measured_ms": 0.28331, "predicted_ms": 0.2791, "target_ms": 0.28}
        if kind == "int8"
        else None,
        "delegation": {"pieces": 13 if kind == "int8" else 1},
        "calibration": {"images": 128, "of": "the training split"} if kind == "int8" else None,
        "quantization": {"input": end, "output": end}
        if kind == "int8"
        else {"input": plain, "output": plain},
    }


@pytest.fixture
def record():
    return {
        "git_commit": "0123abc",
        "config": {"data": {"resized_crop": False}},
        "seeds": {"run": 5},
        "hardware": {"cpu": "Some CPU"},
        "teacher": {"name": "robust_resnet", "sha256": "77" * 32},
        "architecture": {
            "space": "S3",
            "filters": [[16, 12, 16], [20, 20, 24], [52, 52, 56]],
            "activation": "relu6",
            "params": 118_131,
            "macs": 5_856_907,
            "input_shape": [32, 32, 3],
        },
        "robustness": {
            "student": {
                "clean": measured(171, 200) | {"epsilon": 0.0, "space": "pixel", "steps": 0},
                "pgd20": measured(83, 200) | {"epsilon": 8 / 255, "space": "pixel", "steps": 20},
            }
        },
        "masking": {"student": {"suspicious": False, "failed": [], "checks": [{}] * 10}},
        "exports": [export("float32", 42), export("int8", 38, flagged=True)],
    }


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("digits")


def cells(card, beginning):
    """The cells of the one table row that begins so."""
    (row,) = (line for line in card.splitlines() if line.startswith(f"| {beginning} "))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_files_table_is_the_records(record, dataset):
    card = model_card(record, dataset)
    for each in record["exports"]:
        name = each["file"].removeprefix("export/")
        robust = each["robust"]
        attacked = str(accuracy(robust)) + (" **(flagged)**" if robust["flagged"] else "")
        assert cells(card, name) == [
            name,
            "120.6",
            "98.31",
            str(accuracy(each["clean"])),
            str(accuracy(robust["transferred"])),
            str(accuracy(robust["keras"]["transferred"])),
            "200",
            attacked,
            str(accuracy(robust["keras"])),
            "97",
            "0.123 / 0.234",
            str(each["delegation"]["pieces"]),
        ]
        assert f"`{name}`: sha256 `{each['sha256']}`" in card
    assert "student_int8.tflite loses robust accuracy against the Keras model: 1.0 points" in card
    assert "4.1 under all attacks" in card
    assert "The ranges of int8 were found on 128 images of the training split." in card
    assert "The ranges of float32" not in card
    assert "student_float32.tflite loses" not in card
    assert cells(card, "int8")[1:] == ["int8, 0.00392157, -128"] * 2
    assert cells(card, "float32")[1:] == ["float32"] * 2


def test_the_models_table_and_facts_are_the_records(record, dataset):
    card = model_card(record, dataset)
    assert cells(card, "pgd20") == [
        *("pgd20", "41.5 [34.9, 48.4]", "200", "20", "0.0313725", "pixel")
    ]
    for fact in (
        "118,131 parameters",
        "5,856,907 multiply-adds",
        "16 12 16 | 20 20 24 | 52 52 56",
        "activation relu6",
        "robust_resnet",
        "77" * 32,
        "L-inf epsilon 0.0313725 in pixel units",
        "commit 0123abc, seed 5",
        dataset.license,
        f"{len(dataset.train):,} training",
        "No sign of masked gradients in 10 checks",
        "sha256sum -c SHA256SUMS",
        "Searched for 0.28 ms as int8: 0.2833 ms measured, 0.2791 ms predicted",
        "--image_size=32 --norm=linf --epsilon=0.0313725",
    ):
        assert fact in card, fact
    record["config"]["data"]["resized_crop"] = True
    assert "--image_size=32 --resized_crop --norm=linf" in model_card(record, dataset)
    assert card.startswith("---\n")
    assert not re.search(r"\bNone\b|nan", card)


def test_the_command_to_verify_attacks_as_the_record_did(record, dataset):
    for each in record["exports"]:
        each["robust"] |= {"norm": "l2", "epsilon": 0.5}
    command = model_card(record, dataset).split("```bash")[1].split("```")[0]
    for flag in (
        "--model=student_float32.tflite",
        "--dataset=digits",
        "--image_size=32",
        "--norm=l2",
        "--epsilon=0.5",
        "--examples=200",
    ):
        assert flag in command.split()


def test_what_was_not_measured_is_said(record, dataset):
    record["robustness"], record["masking"] = {}, {}
    for each in record["exports"]:
        each["robust"]["square_attacked"] = None
    card = model_card(record, dataset)
    assert "Not evaluated" in card
    assert "Whether gradients are masked was not checked" in card
    assert "Square was not run on the files" in card


def test_masked_gradients_are_not_small_print(record, dataset):
    record["masking"]["student"] |= {"suspicious": True, "failed": ["square", "path"]}
    assert "Gradients look masked (square, path)" in model_card(record, dataset)


def test_it_says_which_images_the_training_saw(record, dataset):
    assert "It was trained on clean images." in model_card(record, dataset)
    # A real config: a card that asks for a key which none has ends a run at its export.
    record["config"] = load_recipe("cifar10:s3,robust").to_dict()
    card = model_card(record, dataset)
    assert "trained on images attacked by n_fgsm at L-inf epsilon 8/255 in pixel units of" in card
