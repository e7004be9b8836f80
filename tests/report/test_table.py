"""Printed tables: numbers land in the right cell; the verdict says what the intervals allow."""

import pytest

from rnascl_tf.report import export_table, robustness_table, search_table, student_table, verdict
from rnascl_tf.robustness import Accuracy, AttackResult
from rnascl_tf.stages import model_styles


def result(accuracy, n=400):
    counted = Accuracy(round(accuracy * n), n)
    return AttackResult(counted, 8 / 255, 20, "linf", "pixel").to_json()


@pytest.fixture
def record():
    return {
        "config": {"threat": {"epsilon": "8/255", "norm": "linf"}},
        "teacher": {"n_t": 17},
        "robustness": {
            "teacher": {"clean": result(0.74, n=500)},
            "student": {"clean": result(0.81), "pgd20": result(0.40)},
            "baseline": {"clean": result(0.84), "pgd20": result(0.10)},
        },
        "architecture": {
            "space": "S3",
            "filters": [[16, 12, 16], [20, 20, 24], [52, 52, 56]],
            "params": 118130,
            "macs": 5856904,
            "macs_thop": 6640976,
            "tutors": [{"teacher": "a"}, {"teacher": "b"}, {"teacher": "a"}],
        },
        "exports": [
            {
                "file": "export/student_float32.tflite",
                "kind": "float32",
                "bytes": 2048,
                "clean": result(0.81),
                "robust": {
                    **result(0.38, n=97),
                    "transferred": result(0.39),
                    "keras": result(0.41) | {"transferred": result(0.43)},
                    "drop_points": 3.0,
                    "drop_points_transferred": 4.0,
                    "flagged": True,
                },
                "delegation": {"pieces": 20},
                "agreement": {"top1": 0.9975, "max_difference": 1.5e-6},
                "latency": {"p50_ms": 0.1404, "p90_ms": 0.1512, "threads": 1},
            }
        ],
    }


FACTS = {
    "rows": 28,
    "entropy_first": 1.9459,
    "entropy_last": 0.5,
    "entropy_limit": 1.9459,
    "last_change_median": 2.5,
    "last_change_maximum": 9,
}


def test_robustness_table(record, lines_of):
    text = lines_of(robustness_table(record, model_styles()))
    assert text[0] == "Accuracy in % [95% interval] at L-inf epsilon 8/255, pixel space"
    assert "teacher student baseline" in text
    assert "attack n = 500 n = 400 n = 400" in text
    assert "clean 74.0 [70.0, 77.7] 81.0 [76.9, 84.5] 84.0 [80.1, 87.3]" in text
    assert "pgd20 - 40.0 [35.3, 44.9] 10.0 [7.4, 13.3]" in text


def test_attacks_that_only_the_students_were_given_have_their_row(record, lines_of):
    record["robustness"]["student"]["cw"] = result(0.3)
    record["robustness"]["teacher"] |= {"mifgsm": result(0.5)}
    text = lines_of(robustness_table(record, model_styles()))
    assert "cw - 30.0 [25.7, 34.7] -" in text
    assert "mifgsm 50.0 [45.1, 54.9] - -" in text


def test_student_table(record, lines_of):
    text = lines_of(student_table(record))
    assert "filters 16 12 16 | 20 20 24 | 52 52 56" in text
    assert "parameters 118,130" in text
    assert "teacher layers used as tutors 2 of 17" in text


def test_export_table(record, lines_of):
    text = lines_of(export_table(record))
    assert "KiB 2.0" in text
    assert "under transferred images, % 39.0 [34.3, 43.9]" in text
    assert "and square, n = 97, % 38.1 [29.1, 48.1]" in text
    assert "the Keras student, % 43.0 [38.2, 47.9]" in text
    assert "the Keras student under both, % 41.0 [36.3, 45.9]" in text
    assert "points lost, transferred / both +4.0 / +3.0 FLAGGED" in text
    assert "pieces that XNNPACK runs 20" in text
    assert "same class as Keras, % 99.75" in text
    assert "latency p50 / p90, ms 0.140 / 0.151" in text


def test_verdict_follows_the_intervals(record):
    pair = ("student", "baseline")
    assert "Under pgd20" in verdict(record, *pair)
    assert "+30.0 points (n = 400, one seed): the method helps" in verdict(
        record, "student", "baseline"
    )
    assert "Clean accuracy differs by -3.0 points." in verdict(record, *pair)
    robustness = record["robustness"]
    robustness["student"], robustness["baseline"] = robustness["baseline"], robustness["student"]
    assert "-30.0 points (n = 400, one seed): the method hurts" in verdict(
        record, "student", "baseline"
    )
    robustness["student"] = robustness["baseline"]
    assert "shows no gain from the method" in verdict(record, *pair)
    robustness |= {"other": robustness["student"], "control": robustness["baseline"]}
    del robustness["student"], robustness["baseline"]
    assert "shows no gain" in verdict(record, "other", "control")
    assert "nothing can be said" in verdict(record, *pair)


def test_verdict_is_on_the_attack_that_is_strongest_on_the_student(record):
    record["robustness"]["student"]["cw"] = result(0.20)
    record["robustness"]["baseline"]["cw"] = result(0.25)  # its own strongest one is pgd20
    sentence = verdict(record, "student", "baseline")
    assert "Under cw, the student's strongest attack" in sentence
    assert "-5.0 points" in sentence


def test_of_equally_strong_attacks_the_last_is_named(record):
    for name in ("fgsm", "pgd20", "cw"):
        record["robustness"]["student"][name] = result(0.20)
        record["robustness"]["baseline"][name] = result(0.25)
    assert "Under cw, the student's strongest attack" in verdict(record, "student", "baseline")


@pytest.mark.parametrize("student", [0.12, 0.08])
def test_no_gain_or_loss_is_claimed_where_intervals_overlap(record, student):
    record["robustness"]["student"]["pgd20"] = result(student)
    assert "the intervals overlap" in verdict(record, "student", "baseline")


def test_search_table(lines_of):
    record = {"search_diagnostics": {"epochs": 10, "tutors": FACTS | {"distinct": 5}}}
    record["search_diagnostics"]["filters"] = FACTS | {"rows": 9, "last_change_median": 0.0}
    text = lines_of(search_table(record))
    assert "How decided the search is, epochs: 10" in text
    assert "tutors filters" in text
    assert "choices made 28 9" in text
    assert "entropy, nats: first -> last epoch 1.946 -> 0.500 1.946 -> 0.500" in text
    assert "last change at epoch (0: never), median / maximum 2.5 / 9 0 / 9" in text


def test_search_table_of_a_control_has_filters_alone(lines_of):
    text = lines_of(search_table({"search_diagnostics": {"epochs": 1, "filters": FACTS}}))
    assert "filters" in text
    assert "choices made 28" in text


def test_fine_tuned_student_and_an_attack_with_an_epsilon_of_its_own(record, lines_of):
    del record["robustness"]["baseline"]
    record["robustness"]["trades"] = {"pgd20@2/255": result(0.5)}
    text = lines_of(robustness_table(record, model_styles()))
    assert "teacher student student + fine-tuning" in text
    assert "pgd20 at 2/255 - - 50.0 [45.1, 54.9]" in text


def test_four_models_lose_no_digit_in_80_characters(record, lines_of):
    full = {attack: result(1.0) for attack in ("clean", "pgd20@8/255")}
    record["robustness"] = dict.fromkeys(("teacher", "student", "trades", "baseline"), full)
    text = lines_of(robustness_table(record, model_styles()), width=80)
    assert "teacher student + fine-tuning baseline" in text
    start = text.index("clean 100.0 100.0 100.0 100.0")
    intervals = " ".join(["[99.0, 100.0]"] * 4)
    assert text[start + 1 : start + 4] == [
        intervals,
        "pgd20 100.0 100.0 100.0 100.0",
        f"at 8/255 {intervals}",
    ]
