"""architecture.json: contract, round trip, refusals."""

import dataclasses
import json

import numpy as np
import pytest

from rnascl_tf.networks import (
    SEARCH_SPACES,
    ArchitectureError,
    SearchProblem,
    Tutor,
    build_student,
    describe,
    read_architecture,
    student_taps,
    write_architecture,
)

PROBLEM = SearchProblem(SEARCH_SPACES["S3"], 10, (32, 32, 3))
FILTERS = [[16] * 3, [20] * 3, [52] * 3]
ACTIVATED = ("stem", "stage1_block1_expand", "stage2_block3_depthwise")
TUTORS = [Tutor("stem", "conv_1", 0.25)]


@pytest.fixture
def path(tmp_path):
    architecture = describe(PROBLEM, FILTERS, TUTORS, 5)
    write_architecture(architecture, tmp_path / "architecture.json")
    return tmp_path / "architecture.json"


def test_file_is_the_contract(path):
    assert json.loads(path.read_text()) == {
        "space": "S3",
        "filters": FILTERS,
        "tutors": [{"student": "stem", "teacher": "conv_1", "probability": 0.25}],
        "num_classes": 10,
        "input_shape": [32, 32, 3],
        "params": 118_130,
        "macs": 5_856_904,
        "macs_thop": 6_640_976,
        "seed": 5,
    }
    assert [file.name for file in path.parent.iterdir()] == ["architecture.json"]


@pytest.mark.parametrize("activation", ["relu6", "relu"])
def test_another_activation_is_written_and_rebuilt(tmp_path, activation):
    path = tmp_path / "architecture.json"
    written = describe(PROBLEM, FILTERS, TUTORS, 5, activation)
    write_architecture(written, path)
    assert json.loads(path.read_text())["activation"] == activation
    assert read_architecture(path) == written
    images = np.random.default_rng(0).random((3, 32, 32, 3), "float32")
    rebuilt = student_taps(build_student(written))(images, training=False)["taps"]
    features = np.concatenate([rebuilt[name].numpy().ravel() for name in ACTIVATED])
    assert features.min() == 0
    paper = student_taps(build_student(dataclasses.replace(written, activation="hard_swish")))
    features = np.concatenate([paper(images)["taps"][name].numpy().ravel() for name in ACTIVATED])
    assert features.min() < 0


def test_rebuilds_the_student(path):
    assert build_student(read_architecture(path)).output_shape == (None, 10)


def edited(path, **changes):
    fields = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in fields.items() if v is not ...}))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"params": 1}, "says params 1, but its filters make 118130"),
        ({"space": "S4"}, "unknown search space 'S4'"),
        ({"filters": [[16] * 3, [20] * 3, [53] * 3]}, "53 filters is not a choice"),
        ({"filters": 3}, "filters is 3; what a search"),
        ({"space": ["S3"]}, "describes no student"),
        ({"seed": ...}, "should hold"),
        ({"extra": 1}, "should hold"),
        ({"activation": "swish"}, "unknown activation 'swish'"),
        ({"activation": ["relu"]}, "unknown activation"),
    ],
)
def test_refuses_what_is_not_an_architecture(path, changes, message):
    with pytest.raises(ArchitectureError, match=message):
        read_architecture(edited(path, **changes))


def test_refuses_missing_and_broken_files(path):
    with pytest.raises(ArchitectureError, match="cannot read"):
        read_architecture(path.with_name("none.json"))
    path.write_text(path.read_text()[:40])
    with pytest.raises(ArchitectureError, match="is not JSON"):
        read_architecture(path)
