"""The scatter's numbers as they are printed."""

from rnascl_tf.report.scatter import Point
from rnascl_tf.report.scatter_table import scatter_table
from rnascl_tf.robustness import Accuracy


def point(model, attack="pgd20", params=118130, n=400):
    clean, robust = Accuracy(324, 400), Accuracy(160 * n // 400, n)
    return Point("one", model, "cifar10", params, clean, attack, 8 / 255, "l2", "pixel", robust)


def test_one_attack_is_a_column(lines_of):
    text = lines_of(scatter_table([point("student"), point("teacher", params=None, n=500)]))
    assert text[0] == "cifar10, L2 epsilon 8/255, pixel space: accuracy in %"
    assert "run model parameters clean pgd20 n" in text
    assert f"one student 118,130 {Accuracy(324, 400)} {Accuracy(160, 400)} 400" in text
    assert f"one teacher - {Accuracy(324, 400)} {Accuracy(200, 500)} 400/500" in text


def test_several_attacks_are_named_in_their_rows(lines_of):
    text = lines_of(scatter_table([point("student"), point("trades", attack="cw")]))
    assert "run model parameters clean robust n" in text
    assert any(f"cw {Accuracy(160, 400)}" in line for line in text)
