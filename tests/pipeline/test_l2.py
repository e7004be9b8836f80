"""The main job in L2, all stages, as small as they get."""

import csv
import json

import pytest

from rnascl_tf.pipeline import check, execute, select
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.runs import Run


@pytest.mark.long
def test_every_stage_works_in_l2(tmp_path, capsys):
    config = load_recipe("digits:smoke")
    config.threat.update(dict(norm="l2", epsilon="0.5"))
    config.data.train_examples = 64
    config.teacher.update(dict(widths=(5, 7), blocks=(1, 1), evaluate_examples=7))
    config.trades.enabled = True
    config.baseline.enabled = False
    config.evaluate.update(dict(attacks=("clean", "pgd3", "pgd3@1"), examples=7, sweep=True))
    config.export.update(dict(kinds=("float32",), runs=2, examples=7, square_examples=2))
    config.export.transferred = ("fgsm",)
    check(config)
    run = Run(config, tmp_path)
    execute(run, select(config, []))
    record = json.loads((tmp_path / "record.json").read_text())
    for model in ("student", "trades"):
        results = record["robustness"][model]
        found = {name: (result["norm"], result["epsilon"]) for name, result in results.items()}
        assert found == {"clean": ("l2", 0.0), "pgd3": ("l2", 0.5), "pgd3@1": ("l2", 1.0)}
        assert results["pgd3@1"]["accuracy"] <= results["clean"]["accuracy"]
    assert record["robustness"]["teacher"]["pgd20"]["norm"] == "l2"
    assert (record["exports"][0]["robust"]["norm"], record["exports"][0]["robust"]["epsilon"]) == (
        "l2",
        0.5,
    )
    with (tmp_path / "evaluate" / "sweep.csv").open(newline="") as file:
        epsilons = {float(row["epsilon"]) for row in csv.DictReader(file)}
    assert (min(epsilons), max(epsilons), len(epsilons)) == (0.0, 1.0, 11)
    assert "at L2 epsilon 0.5, pixel space" in " ".join(capsys.readouterr().out.split())
    card = (tmp_path / "export" / "README.md").read_text()
    assert "at L2 epsilon 0.5 in pixel units" in card
    assert "--norm=l2 --epsilon=0.5" in card
