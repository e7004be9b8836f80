"""The command `rnascl attack` on digits, as a user runs it."""

import csv
import json
import os

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from rnascl_tf.commands import attack as command
from rnascl_tf.data import load_dataset
from rnascl_tf.deploy import convert, export_saved_model

FAST = ("--examples=40", "--masking_examples=0", "--batch_size=20")


@pytest.fixture(scope="module")
def model():
    """Logistic regression on digits as a Keras model: weak, honest, exactly solvable."""
    train = load_dataset("digits").train
    images = train.evenly_spaced(700).as_float().mean(axis=3)
    labels = train.evenly_spaced(700).labels
    fitted = LogisticRegression(C=0.01, max_iter=300).fit(images.reshape(700, -1), labels)
    classifier = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(10, name="logits"),
        ]
    )
    kernel = np.repeat(fitted.coef_.T / 3, 3, axis=0)
    classifier.get_layer("logits").set_weights([kernel, fitted.intercept_])
    return classifier


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    model.save(folder / "model.keras")
    export_saved_model(model, folder / "saved")
    (folder / "model.tflite").write_bytes(convert(folder / "saved", "float32", None))
    probabilities = keras.Sequential([model, keras.layers.Softmax()])
    probabilities.save(folder / "softmax.keras")
    masked = keras.Sequential([model, keras.layers.Rescaling(1e6)])
    masked.save(folder / "masked.keras")
    pixels = keras.Input((32, 32, 3))
    keras.Model(pixels, model(keras.ops.round(pixels * 4.0) / 4.0)).save(folder / "rounded.keras")
    for name in ("cut.keras", "old.h5"):
        (folder / name).write_bytes((folder / "model.keras").read_bytes()[:999])
    broken = keras.models.clone_model(model)
    broken.get_layer("logits").set_weights([np.full((3072, 10), np.nan), np.zeros(10)])
    broken.save(folder / "nan.keras")
    return folder


@pytest.fixture
def run(files, tmp_path, capsys):
    """Runs the command: (model's name, *flags) -> (exit code, output, errors)."""

    def run(name, *flags, out="out"):
        code = command.main(
            [
                f"--model={files / name}",
                "--dataset=digits",
                f"--out={tmp_path / out}",
                "--epsilon=0.05",
                *flags,
            ]
        )
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def exact_robust_accuracy(model, epsilon):
    """Of a linear model: an image falls to the best perturbation towards some class, or to none."""
    examples = load_dataset("digits").test.evenly_spaced(40)
    images = examples.as_float().reshape(40, -1).astype(np.float64)
    kernel, bias = (weight.astype(np.float64) for weight in model.get_weights())
    robust = np.ones(40, bool)
    for row, label in enumerate(examples.labels):
        for target in range(10):
            direction = np.sign(kernel[:, target] - kernel[:, label])
            logits = np.clip(images[row] + epsilon * direction, 0.0, 1.0) @ kernel + bias
            robust[row] &= logits.argmax() == label
    return robust.mean()


def test_a_table_a_record_and_outcomes_per_image(run, tmp_path, model):
    code, output, _ = run("model.keras", "--attacks=fgsm,pgd5x2,apgd-ce", *FAST)
    assert code == 0
    record = json.loads((tmp_path / "out" / "robustness.json").read_text())
    results = record["rnascl"]["robustness"]
    assert list(results) == ["clean", "fgsm", "pgd5x2", "apgd-ce"]
    assert results["clean"]["accuracy"] > 0.7
    exact = exact_robust_accuracy(model, 0.05)
    assert 0.3 < exact < results["clean"]["accuracy"] - 0.1
    for name in ("fgsm", "pgd5x2", "apgd-ce"):
        assert exact <= results[name]["accuracy"] < exact + 0.1
    lowest = min(results[name]["accuracy"] for name in ("fgsm", "pgd5x2", "apgd-ce"))
    assert record["clean_acc"] == f"{100 * results['clean']['accuracy']:.2f}"
    assert record["eps"] == "0.05"
    assert record["autoattack_acc"] is None
    assert record["external"] == f"{100 * lowest:.2f}"
    assert record["rnascl"]["masking"] is None
    for word in ("fgsm", "pgd5x2", "pixel space", "linf 0.05", "n = 40"):
        assert word in output
    with np.load(tmp_path / "out" / "outcomes.npz", allow_pickle=False) as outcomes:
        standing = outcomes["fgsm:standing"]
        assert standing.mean() == results["fgsm"]["accuracy"]
        assert list(outcomes["attacks"]) == ["clean", "fgsm", "pgd5x2", "apgd-ce"]
        broken_by = outcomes["broken_by"]
        assert ((broken_by == 1) == (outcomes["clean:standing"] & ~standing)).all()
        assert (outcomes["fgsm:margin"][broken_by == 1] <= 0).all()


def test_given_again_it_adds_attacks_and_keeps_the_others(run, tmp_path):
    assert run("model.keras", "--attacks=fgsm", *FAST)[0] == 0
    first = json.loads((tmp_path / "out" / "robustness.json").read_text())
    assert run("model.keras", "--attacks=fgsm,cw", *FAST)[0] == 0
    second = json.loads((tmp_path / "out" / "robustness.json").read_text())
    first, second = (record["rnascl"]["robustness"] for record in (first, second))
    assert second["fgsm"] == first["fgsm"]  # its seconds too: it was not run again
    assert list(second) == ["clean", "fgsm", "cw"]


def test_another_threat_model_in_the_same_folder_is_refused(run, tmp_path):
    assert run("model.keras", "--attacks=fgsm", *FAST)[0] == 0
    before = (tmp_path / "out" / "outcomes.npz").read_bytes()
    code, _, errors = run("model.keras", "--attacks=fgsm", *FAST, "--epsilon=0.06")
    assert code == 2
    assert "another evaluation: threat model ThreatModel(epsilon=0.05" in errors
    assert "--overwrite" in errors
    assert (tmp_path / "out" / "outcomes.npz").read_bytes() == before
    flags = ("--attacks=fgsm", *FAST, "--epsilon=0.06", "--overwrite")
    assert run("model.keras", *flags)[0] == 0


def test_saved_models_and_tflite_files(run, tmp_path):
    accuracies = []
    few = (*FAST, "--examples=6")
    for name, attacks in (
        ("model.keras", "fgsm,square"),
        ("saved", "fgsm"),
        ("model.tflite", "square"),
    ):
        code, _, errors = run(name, f"--attacks={attacks}", *few, out=f"{name}_out")
        assert code == 0, errors
        record = json.loads((tmp_path / f"{name}_out" / "robustness.json").read_text())
        results = record["rnascl"]["robustness"]
        accuracies.append({attack: results[attack]["accuracy"] for attack in results})
    keras_file, saved, tflite = accuracies
    assert 0.0 < keras_file["square"] < keras_file["clean"]
    assert saved == {attack: keras_file[attack] for attack in ("clean", "fgsm")}
    assert tflite == {attack: keras_file[attack] for attack in ("clean", "square")}


def test_l2_and_normalized_space_are_named(run, tmp_path):
    code, output, _ = run("model.keras", "--attacks=pgd20", "--norm=l2", "--epsilon=1.5", *FAST)
    assert code == 0
    assert "l2 1.5, pixel space" in output
    code, output, _ = run(
        "model.keras",
        "--attacks=pgd20",
        "--space=normalized",
        "--space_std=0.25,0.25,0.25",
        "--epsilon=0.2",
        *FAST,
        out="normalized",
    )
    assert code == 0
    assert "normalized space" in " ".join(output.split())
    # 0.2 there is 0.05 in pixels, of a model without bounds in reach the same accuracy.
    pixel = run("model.keras", "--attacks=pgd20", *FAST, out="pixel")
    assert pixel[0] == 0
    found = [
        json.loads((tmp_path / name / "robustness.json").read_text())["rnascl"]["robustness"]
        for name in ("normalized", "pixel")
    ]
    assert found[0]["pgd20"]["accuracy"] == found[1]["pgd20"]["accuracy"]
    assert found[0]["pgd20"]["space"] == "normalized"


def test_masked_gradients_fail_a_strict_run(run, tmp_path):
    flags = ("--attacks=fgsm", "--examples=30", "--masking_examples=30", "--batch_size=30")
    code, output, _ = run("masked.keras", *flags, "--strict")
    assert code == 3
    assert "look MASKED" in output
    record = json.loads((tmp_path / "out" / "robustness.json").read_text())
    assert record["unreliable"] is True
    assert "gradient" in record["rnascl"]["masking"]["failed"]
    assert run("masked.keras", *flags)[0] == 0
    code, output, _ = run("model.keras", *flags, "--strict", out="honest")
    assert (code, "no sign of masked gradients" in output) == (0, True)


def test_a_model_without_a_gradient_is_found_masked(run, tmp_path):
    flags = ("--attacks=square", "--examples=4", "--masking_examples=20", "--batch_size=20")
    code, output, _ = run("rounded.keras", *flags, "--strict")
    assert (code, "look MASKED" in output) == (3, True)


def test_attacks_without_a_gradient_are_left_out_beside_a_verdict(run, tmp_path, caplog):
    flags = ("--attacks=fgsm,square,autoattack", "--examples=8", "--batch_size=20")
    code, output, _ = run("rounded.keras", *flags, "--masking_examples=20", "--strict")
    assert (code, "look MASKED" in output) == (3, True)
    assert "Left out: fgsm, autoattack" in caplog.text
    record = json.loads((tmp_path / "out" / "robustness.json").read_text())
    assert list(record["rnascl"]["robustness"]) == ["clean", "square"]
    code, _, errors = run("rounded.keras", *flags, "--masking_examples=0", out="no verdict")
    assert code == 2
    assert "no gradient reaches the images" in errors


def test_accuracy_that_guessing_reaches_is_named(run, files, tmp_path, caplog, model):
    assert run("model.keras", "--attacks=clean", *FAST)[0] == 0
    assert not caplog.text.count("guessing")
    pixels = keras.Input((32, 32, 3))
    keras.Model(pixels, model(pixels / 255.0)).save(tmp_path / "bytes.keras")
    assert run(tmp_path / "bytes.keras", "--attacks=clean", *FAST, out="bytes")[0] == 0
    assert "(n = 40) is what guessing among 10 classes may reach" in caplog.text


def test_as_many_images_as_there_are_and_a_verdict_on_no_more(run, tmp_path):
    code, output, _ = run("model.keras", "--attacks=clean", "--masking_examples=0")
    assert code == 0
    assert "n = 400" in output
    code, output, _ = run("model.keras", "--attacks=clean", "--examples=13", out="few")
    assert code == 0
    record = json.loads((tmp_path / "few" / "robustness.json").read_text())
    assert {check["count"] for check in record["rnascl"]["masking"]["checks"][3:]} == {13}


def test_without_a_verdict_it_says_why(run, tmp_path):
    code, output, _ = run("model.keras", "--attacks=fgsm", "--examples=20", "--epsilon=0")
    assert code == 0
    assert "No verdict on masked gradients: epsilon is 0" in output
    record = json.loads((tmp_path / "out" / "robustness.json").read_text())
    results = record["rnascl"]["robustness"]
    assert results["fgsm"]["accuracy"] == results["clean"]["accuracy"]


def test_sweep(run, tmp_path, files):
    code, _, _ = run(
        "model.keras", "--attacks=clean", "--sweep", *FAST, f"--teacher={files / 'saved'}"
    )
    assert code == 0
    with (tmp_path / "out" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"model", "teacher saved"}
    assert len(rows) == 2 * 2 * 11
    ours = [float(row["accuracy"]) for row in rows if row["model"] == "model"]
    theirs = [float(row["accuracy"]) for row in rows if row["model"] != "model"]
    assert ours == theirs  # the same weights
    assert (tmp_path / "out" / "sweep.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("model.keras", ["--attacks=pdg20"], "unknown attack 'pdg20'"),
        ("model.keras", ["--attacks=spsa", "--norm=l2"], "spsa works in linf"),
        ("model.keras", ["--attacks=cwl2"], "cwl2 works in l2"),
        ("model.keras", ["--examples=0"], "--examples=0"),
        ("model.keras", ["--examples=99999"], "test images here: give 1 to"),
        ("model.keras", ["--batch_size=0"], "batch_size is 0"),
        ("model.keras", ["--epsilon=8"], "divide it by 255"),
        ("model.keras", ["--space=normalized"], "standard deviation per channel"),
        ("model.keras", ["--space_std=a,b,c"], "--space_std=a,b,c: wanted numbers with commas"),
        ("model.keras", ["--dataset=mnist"], "unknown data set --dataset=mnist"),
        ("model.keras", ["--teacher=none.keras"], "none.keras does not exist"),
        ("model.keras", ["--norm=l3"], "l3"),
        ("model.keras", ["--strict"], "--strict needs a verdict"),
        ("model.keras", ["--teacher=model.tflite"], "no gradients to make images with"),
        ("model.tflite", ["--attacks=square", "--sweep"], "--sweep needs gradients"),
        (
            "model.keras",
            ["--space=normalized", "--space_std=0.2,0.2", "--attacks=fgsm"],
            "has 2 numbers, the images have 3 channels",
        ),
        ("model.keras", ["extra"], "unexpected argument 'extra'"),
        ("model.tflite", ["--attacks=square", "--teacher=model.keras"], "there is neither"),
        ("old.h5", [], "Save an .h5 as .keras"),
        ("cut.keras", [], "is damaged or not a Keras model"),
        ("model.tflite", ["--attacks=pgd20"], "pgd20 needs gradients"),
        ("softmax.keras", [], "probabilities"),
        ("nan.keras", [], "NaN"),
        ("none.keras", [], "none.keras does not exist"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(
    name, flags, message, run, tmp_path, files, monkeypatch
):
    monkeypatch.chdir(files)
    code, _, errors = run(name, *FAST, *flags)
    assert code == 2
    assert message in errors
    assert len(errors.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, errors = run("model.keras", *FAST, out="file/below")
    assert code == 2
    assert "is not a folder; give another folder" in errors


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(run, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    code, _, errors = run("model.keras", *FAST, out="closed/below")
    assert code == 2
    assert "is not writable" in errors


def test_help_names_the_attacks(capsys):
    assert command.main(["--help"]) == 0
    output = capsys.readouterr().out
    for word in ("autoattack", "--strict", "--epsilon", "pgd<steps>x<restarts>", "cwl2"):
        assert word in output
