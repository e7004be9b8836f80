"""What `rnascl attack` prints: a row per attack, a cascade's members below it."""

from rnascl_tf.report import attack_table
from rnascl_tf.robustness import Accuracy, AttackResult


def result(correct, steps, **more):
    return AttackResult(Accuracy(correct, 40), 0.1, steps, "linf", "pixel", seed=0, **more)


def test_rows_and_members(lines_of):
    cascade = {"apgd-ce": Accuracy(12, 40), "square": Accuracy(9, 40)}
    results = {
        "clean": result(36, 0, seconds=0.52),
        "autoattack": result(9, 5300, seconds=125.4, budget="quick", members=cascade),
        "fgsm": result(20, 1),
    }
    text = lines_of(attack_table(results, "model.keras on digits, linf 0.1, pixel space"))
    assert text[0] == "model.keras on digits, linf 0.1, pixel space"
    assert text[1] == "n = 40, accuracy with its 95% Wilson interval"
    assert f"clean - {Accuracy(36, 40)} 0.5 s" in text
    row = text.index(f"autoattack (quick) 5300 {Accuracy(9, 40)} 2 min")
    assert text[row + 1 : row + 3] == [
        f"after apgd-ce {cascade['apgd-ce']}",
        f"after square {Accuracy(9, 40)}",
    ]
    assert f"fgsm 1 {Accuracy(20, 40)} -" in text
