"""Points of Figure 1 from record files: what is taken, what is left out, what is refused."""

import csv

import pytest

from rnascl_tf.record import RecordError
from rnascl_tf.report.scatter import (
    STRONGEST,
    ScatterError,
    scatter_points,
    short_names,
    write_points,
)
from rnascl_tf.robustness import Accuracy, RobustnessError


@pytest.fixture
def run(write_record, models):
    attacked, result = models
    student = attacked(0.81, 0.40, cw=0.35) | {"pgd20@2/255": result(0.70, 2 / 255)}
    return write_record(
        "runs/one",
        {"teacher": attacked(0.74, 0.46, n=500), "student": student, "trades": attacked(0.6, 0.42)},
    )


def rows(points):
    return [(point.run, point.model, point.clean.value, point.robust.value) for point in points]


def test_every_attacked_model_is_a_point_with_its_intervals(run):
    points, left_out = scatter_points([run])
    assert rows(points) == [
        ("one", "teacher", 0.74, 0.46),
        ("one", "student", 0.81, 0.40),
        ("one", "trades", 0.6, 0.42),
    ]
    assert left_out == []
    teacher, student, _ = points
    assert (teacher.params, student.params) == (None, 118130)
    assert (teacher.clean, student.robust) == (Accuracy(370, 500), Accuracy(160, 400))
    assert (student.attack, student.norm, student.space) == ("pgd20", "linf", "pixel")
    assert student.epsilon == 8 / 255


def test_another_epsilon_is_the_one_after_the_at_sign(run):
    points, left_out = scatter_points([run], "pgd20", "2/255")
    assert rows(points) == [("one", "student", 0.81, 0.70)]
    assert points[0].attack == "pgd20"
    assert left_out == [
        f"one, {model}: not measured under pgd20 at epsilon 2/255; left out."
        for model in ("teacher", "trades")
    ]


def test_a_record_s_own_epsilon_may_be_named_too(run):
    assert scatter_points([run], "pgd20", 8 / 255) == scatter_points([run])


def test_strongest_is_each_model_s_own_and_never_at_another_epsilon(run, write_record, models):
    attacked, result = models
    weak = attacked(0.9, 0.5) | {"pgd20@16/255": result(0.01, 16 / 255)}
    other = write_record("runs/two", {"student": weak})
    points, _ = scatter_points([run, other], STRONGEST)
    assert [(point.attack, point.robust.value) for point in points] == [
        ("pgd20", 0.46),
        ("cw", 0.35),
        ("pgd20", 0.42),
        ("pgd20", 0.5),
    ]


def test_a_shared_teacher_is_drawn_once_and_a_path_given_twice_read_once(run, write_record, models):
    attacked, _ = models
    robustness = {"teacher": attacked(0.74, 0.46, n=500), "student": attacked(0.5, 0.1)}
    same = write_record("runs/two", robustness)
    other = write_record("runs/three", robustness, sha256="another teacher")
    points, _ = scatter_points([run, run / "record.json", same, other])
    teachers = [point.run for point in points if point.model == "teacher"]
    assert teachers == ["one", "three"]
    assert [point.run for point in points if point.model == "student"] == ["one", "two", "three"]


def test_a_run_that_is_not_evaluated_yet_is_named(run, write_record):
    early = write_record("runs/early", {"teacher": {}})
    points, left_out = scatter_points([run, early])
    assert len(points) == 3
    assert left_out == ["early, teacher: no clean accuracy; left out."]


def test_names_are_the_shortest_that_differ(tmp_path):
    files = [
        tmp_path / "a" / "digits" / "record.json",
        tmp_path / "b" / "digits" / "record.json",
        tmp_path / "smoke" / "record.json",
        tmp_path / "s3_kl.json",
    ]
    assert short_names(files) == ["a/digits", "b/digits", "smoke", "s3_kl"]
    assert short_names([]) == []


def test_mixtures_are_refused_with_both_names(run, write_record, models):
    attacked, _ = models
    wide = write_record("runs/wide", {"student": attacked(0.9, 0.1, epsilon=0.1)})
    with pytest.raises(ScatterError, match=r"one and wide do not compare: epsilon 8/255 and 0\.1"):
        scatter_points([run, wide])
    digits = write_record("runs/digits", {"student": attacked(0.9, 0.1)}, data="digits")
    with pytest.raises(
        ScatterError, match="one and digits do not compare: data cifar10 and digits"
    ):
        scatter_points([run, digits])
    scaled = attacked(0.9, 0.1)
    scaled["pgd20"]["space"] = "normalized"
    other = write_record("runs/scaled", {"student": scaled})
    with pytest.raises(ScatterError, match="space pixel and normalized"):
        scatter_points([run, other])


def test_what_is_not_a_record_is_named(run, tmp_path, write_record, models):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.json").write_text("no json")
    with pytest.raises(RecordError, match="empty holds no record"):
        scatter_points([run, tmp_path / "empty"])
    with pytest.raises(RecordError, match="nowhere does not exist"):
        scatter_points([tmp_path / "nowhere"])
    with pytest.raises(RecordError, match=r"text\.json cannot be read"):
        scatter_points([tmp_path / "text.json"])
    holes = models[0](0.5, 0.1)
    del holes["pgd20"]["n"]
    with pytest.raises(RecordError, match=r"holes.record\.json is damaged"):
        scatter_points([write_record("holes", {"student": holes})])
    assert not (tmp_path / "nowhere").exists()


def test_nothing_to_draw_is_refused(run):
    with pytest.raises(ScatterError, match="no record was given"):
        scatter_points([])
    with pytest.raises(ScatterError, match="measured clean and under fgsm: give another"):
        scatter_points([run], "fgsm")
    with pytest.raises(RobustnessError, match="neither a fraction nor a decimal"):
        scatter_points([run], "pgd20", "eight")


def test_csv_has_a_row_for_each_point(run, tmp_path):
    points, _ = scatter_points([run])
    write_points(points, tmp_path / "points.csv")
    with (tmp_path / "points.csv").open(newline="") as file:
        first, second, _ = csv.DictReader(file)
    assert (first["model"], first["params"], second["params"]) == ("teacher", "", "118130")
    low, high = points[1].robust.interval
    assert [float(second[f"robust{end}"]) for end in ("", "_low", "_high")] == [0.4, low, high]
    assert second["robust_n"] == "400"
    assert list(second)[4:8] == ["clean", "clean_low", "clean_high", "clean_n"]
