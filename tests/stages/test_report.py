"""The report stage on a run that was put together without training: what it draws, prints, records."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import teachers
from rnascl_tf.errors import UserError
from rnascl_tf.files import save_model, write_json
from rnascl_tf.networks import SearchProblem, Tutor, build_student, describe, student_taps
from rnascl_tf.robustness import Accuracy, AttackResult
from rnascl_tf.runs import Run
from rnascl_tf.stages import report
from rnascl_tf.training.search.diagnostics import SearchDiagnostics, write_diagnostics
from tests import tiny_recipe

PLOTS = set(report.PLOTS)


def result(accuracy):
    return AttackResult(Accuracy(round(accuracy * 50), 50), 0.1, 20, "linf", "pixel").to_json()


@pytest.fixture(scope="module")
def networks(tiny_config):
    """An untrained student with made-up tutors, and an untrained teacher."""
    keras.utils.set_random_seed(0)
    network = teachers.resnet(10, (32, 32, 3), widths=(5, 7), blocks=(1, 1), seed=1)
    names = teachers.from_keras(network).tap_names
    space = tiny_recipe.SPACE
    problem = SearchProblem(space, 10, (32, 32, 3))
    filters = space.nested([block.choices[0] for block in space.blocks(space.widest)])
    plain = describe(problem, filters, [], 0)
    student = build_student(plain)
    tutors = [
        Tutor(name, names[i % len(names)], 0.5)
        for i, name in enumerate(student_taps(student).output["taps"])
    ]
    return student, network, names, describe(problem, filters, tutors, 0)


@pytest.fixture
def run(networks, tiny_config, tmp_path):
    student, network, teacher_layers, architecture = networks
    run = Run(tiny_config(), tmp_path)
    for name in ("teacher", "search", "train"):
        (tmp_path / name).mkdir()
    save_model(student, tmp_path / "train" / "student.keras")
    save_model(network, tmp_path / "teacher" / "teacher.keras")
    write_json(tmp_path / "teacher" / "teacher.json", {"file": "teacher.keras"})
    rows = len(architecture.tutors)
    tutors = np.random.default_rng(0).dirichlet(np.ones(len(teacher_layers)), size=(2, rows))
    write_diagnostics(
        SearchDiagnostics(
            epoch=np.arange(2),
            tutors=tutors.astype(np.float32),
            filters=np.full((2, 1, 2), 0.5, np.float32),
            choices=np.array([[16, 12]]),
            student_layers=np.array([tutor.student for tutor in architecture.tutors]),
            teacher_layers=np.array(teacher_layers),
            blocks=np.array(["stage1_block1"]),
        ),
        tmp_path / "search" / "diagnostics.npz",
    )
    models = {
        name: {"clean": result(0.9), "pgd20": result(0.2)} for name in ("student", "baseline")
    }
    names = ("cross_entropy", "divergence", "attention", "expected_macs", "tutor_entropy")
    run.record.values |= {
        "stages": {
            stage: {"status": "finished", "settings": {}}
            for stage in ("search", "evaluate", "export")
        },
        "config": json.loads(run.config.to_json_best_effort()),
        "teacher": {"n_t": len(teacher_layers)},
        "architecture": architecture.to_json(),
        "history": {"search": [{"epoch": 0, "temperature": 5.0} | dict.fromkeys(names, 1.0)]},
        "robustness": models,
        "exports": [],
    }
    return run


@pytest.fixture
def printed(run, capsys):
    def execute():
        report.run(run)
        return " ".join(capsys.readouterr().out.split())

    return execute


def drawn(run):
    return {file.name for file in (run.workdir / "report").iterdir()}


def test_everything_is_drawn_printed_and_recorded(run, printed):
    text = printed()
    assert drawn(run) == PLOTS
    assert "How decided the search is, epochs: 2" in text
    assert "clean 90.0 [78.6, 95.7] 90.0 [78.6, 95.7]" in text
    assert "No " not in text.replace("No baseline", "")
    assert run.record["search_diagnostics"]["tutors"]["rows"] == 7
    json.dumps(run.record.values, allow_nan=False)
    # Three columns for each of three layers, and the images.
    assert Image.open(run.workdir / "report" / "attention.png").width > 10 * 120


def test_without_diagnostics_the_tutors_are_still_shown(run, printed):
    (run.workdir / "search" / "diagnostics.npz").unlink()
    text = printed()
    assert drawn(run) == PLOTS - {"filters.png", "tutors.png"}
    assert "No tutor map and no filter probabilities: its search wrote no diagnostics." in text
    assert "search_diagnostics" not in run.record.values
    assert Image.open(run.workdir / "report" / "attention.png").width < 10 * 120


def test_a_plot_of_before_is_not_left_where_it_can_no_longer_be_drawn(run, printed):
    (run.workdir / "report").mkdir()
    for name in ("attention.png", "tutors.png"):
        (run.workdir / "report" / name).write_text("old")
    run.record["architecture"] = run.record["architecture"] | {"tutors": []}
    (run.workdir / "search" / "diagnostics.npz").unlink()
    printed()
    assert drawn(run) == {"robustness.png", "search.png"}


def test_an_architecture_from_a_file_has_no_search_to_show(run, printed):
    (run.workdir / "search" / "diagnostics.npz").unlink()
    del run.record["history"]["search"]
    assert "nothing was searched here" in printed()
    assert drawn(run) == {"robustness.png", "attention.png"}


def test_without_the_teacher_s_file_everything_else_is_reported(run, printed):
    (run.workdir / "teacher" / "teacher.keras").unlink()
    text = printed()
    assert drawn(run) == PLOTS - {"attention.png"}
    assert text.count("No attention maps: ") == 1
    assert "teacher.keras" in text
    assert "without the teacher" in text


def test_a_student_without_tutors_has_no_attention_maps(run, printed):
    run.record["architecture"] = run.record["architecture"] | {"tutors": []}
    text = printed()
    assert "No attention maps: this student has no tutors." in text
    assert "teacher layers used as tutors 0 of" in text


@pytest.mark.parametrize("stage", ["search", "evaluate", "export"])
def test_an_unfinished_stage_is_named_and_nothing_is_written(run, stage):
    run.record["stages"][stage]["status"] = "started"
    with pytest.raises(UserError, match=f"before the {stage} stage"):
        report.run(run)
    assert not (run.workdir / "report").exists()
