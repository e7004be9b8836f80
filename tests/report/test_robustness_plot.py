"""The bars: a PNG of sane size, for 0% and 100% too, under the threat model's title."""

from matplotlib.axes import Axes
from PIL import Image

from rnascl_tf.report import save_robustness
from rnascl_tf.robustness import Accuracy, AttackResult


def test_robustness(tmp_path, monkeypatch):
    def result(correct):
        return AttackResult(Accuracy(correct, 10), 0.1, 20, "linf", "pixel").to_json()

    robustness = {
        "teacher": {"clean": result(10)},
        "student": {"clean": result(0), "cw": result(5)},
    }
    titles = []
    monkeypatch.setattr(Axes, "set_title", lambda self, title, **options: titles.append(title))
    threat = {"epsilon": "0.5", "norm": "l2"}
    record = {"config": {"threat": threat}, "robustness": robustness}
    save_robustness(record, tmp_path / "robustness.png")
    assert Image.open(tmp_path / "robustness.png").size == (960, 540)
    assert titles == ["Accuracy under attack, L2 epsilon 0.5, pixel space"]
