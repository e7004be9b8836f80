"""Plots: a readable PNG of sane size for short and long histories, for 0% and 100%."""

from matplotlib.axes import Axes
from PIL import Image

from rnascl_tf.report import save_robustness, save_search_history
from rnascl_tf.robustness import Accuracy, AttackResult

NAMES = (
    "cross_entropy",
    "divergence",
    "attention",
    "expected_macs",
    "tutor_entropy",
    "temperature",
)


def test_search_history(tmp_path):
    history = [{"epoch": epoch} | dict.fromkeys(NAMES, 1.0 + epoch) for epoch in range(3)]
    save_search_history(history, tmp_path / "search.png")
    save_search_history(history[:1], tmp_path / "one.png")
    for name in ("search.png", "one.png"):
        assert Image.open(tmp_path / name).size == (1320, 660)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_search_priced_in_time_shows_it_in_the_place_of_multiply_adds(tmp_path, monkeypatch):
    history = [{"epoch": 0} | dict.fromkeys(NAMES, 1.0) | {"expected_ms": 0.2}]
    titles = []
    monkeypatch.setattr(Axes, "set_title", lambda self, title, **options: titles.append(title))
    save_search_history(history, tmp_path / "search.png")
    assert "expected latency, ms" in titles
    assert "expected MACs" not in titles


def test_search_history_of_a_control_lacks_panels(tmp_path):
    names = [name for name in NAMES if name not in ("divergence", "attention", "tutor_entropy")]
    save_search_history([{"epoch": 0} | dict.fromkeys(names, 1.0)], tmp_path / "control.png")
    assert Image.open(tmp_path / "control.png").size == (1320, 660)


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
