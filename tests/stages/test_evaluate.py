"""Which students are attacked, by what, and how the results are named."""

import json

import keras
import numpy as np
import pytest

from rnascl_tf.robustness import ThreatModel
from rnascl_tf.robustness import evaluate as evaluate_model
from rnascl_tf.stages import evaluate

ATTACKS = ("fgsm@0.01", "clean", "fgsm", "pgd20@0.01", "fgsm@0.1")


def small_network(input_shape, seed):
    # The stage takes any classifier; S3 would spend a minute in tracing the verdict's attacks.
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(5, 3, kernel_initializer=keras.initializers.HeNormal(seed=seed)),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, kernel_initializer=keras.initializers.GlorotNormal(seed=seed)),
        ]
    )


@pytest.fixture
def run(trained_run):
    for seed, stage in enumerate(("train", "trades")):
        path = trained_run.workdir / stage / "student.keras"
        small_network(trained_run.dataset.input_shape, seed).save(path)
    trained_run.config.evaluate.attacks = ATTACKS
    # Of another config, and of the teacher stage, which keeps its place.
    trained_run.record["robustness"] = {"teacher": {}, "baseline": {"clean": {}}}
    return trained_run


def test_students_and_attacks_keep_their_names_and_order(run):
    evaluate.run(run)
    robustness = run.record["robustness"]
    assert list(robustness) == ["teacher", "student", "trades"]
    written = json.loads((run.workdir / "evaluate" / "robustness.json").read_text())
    assert written == {name: robustness[name] for name in ("student", "trades")}
    for results in written.values():
        assert tuple(results) == ATTACKS
        assert [results[attack]["epsilon"] for attack in ATTACKS] == [0.01, 0.0, 0.1, 0.01, 0.1]
        assert results["fgsm@0.1"]["accuracy"] == results["fgsm"]["accuracy"]
        assert results["fgsm@0.01"]["accuracy"] <= results["clean"]["accuracy"]


def test_an_attack_with_its_own_epsilon_is_that_attack(run):
    examples = run.dataset.test.evenly_spaced(32)
    model = keras.Sequential(
        [
            keras.Input(run.dataset.input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(10, kernel_initializer=keras.initializers.GlorotNormal(seed=1)),
        ]
    )
    # Its own predictions as labels, so that there is something to attack.
    labels = model.predict(examples.as_float(), verbose=0).argmax(axis=1).astype(np.int32)
    examples = type(examples)(examples.images, labels)
    seen = []
    results = evaluate.measure(run, model, examples, lambda *progress: seen.append(progress))
    direct = evaluate_model(
        model, examples.as_float(), labels, ThreatModel(0.01), ["pgd20"], batch_size=32
    )["pgd20"]
    ours = results["pgd20@0.01"]
    assert {**ours, "seconds": 0} == {**direct, "seconds": 0}
    assert results["clean"]["accuracy"] == 1.0
    assert 1.0 > ours["accuracy"] > results["fgsm"]["accuracy"]
    assert {name for name, _, _ in seen} <= set(ATTACKS)


def test_disabled_students_are_not_loaded(run):
    run.config.trades.enabled = False
    (run.workdir / "trades" / "student.keras").unlink()
    run.config.evaluate.attacks = ("clean",)
    evaluate.run(run)
    assert list(run.record["robustness"]) == ["teacher", "student"]


def test_a_verdict_and_a_sweep_when_they_are_asked_for(run):
    run.config.trades.enabled = False
    run.config.evaluate.attacks = ("clean", "fgsm")
    run.config.evaluate.update(dict(masking_examples=16, sweep=True))
    evaluate.run(run)
    folder = run.workdir / "evaluate"
    verdicts = json.loads((folder / "masking.json").read_text())
    assert verdicts == run.record["masking"]
    assert list(verdicts) == ["student"]
    # The run has a teacher, so nothing is left out.
    assert [check["name"] for check in verdicts["student"]["checks"]][-1] == "transfer"
    assert verdicts["student"]["left_out"] == []
    rows = (folder / "sweep.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0] for row in rows} == {"teacher", "student"}
    assert len(rows) == 2 * 2 * 11
    assert (folder / "sweep.png").exists()


def test_a_stopped_stage_goes_on_where_it_was(run, monkeypatch):
    run.config.trades.enabled = False
    run.config.evaluate.attacks = ("clean", "fgsm", "pgd20")
    evaluate.run(run)
    first = run.record["robustness"]["student"]
    assert list((run.workdir / "evaluate").glob("student_*.npz"))
    evaluate.run(run)
    again = run.record["robustness"]["student"]
    assert again == first  # with its seconds: nothing was attacked again
