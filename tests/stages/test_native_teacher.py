"""The native teacher: any builder, the best epoch, the averaged weights, Keras and ONNX files."""

import keras
import numpy as np
import pytest

import teachers
from rnascl_tf.pipeline import execute, select
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.runs import Run
from rnascl_tf.stages import native_teacher
from rnascl_tf.stages import teacher as teacher_stage
from rnascl_tf.stages.native_teacher import adversarial_model, native_classifier
from rnascl_tf.training import ATTACK_KINDS
from rnascl_tf.training.adversarial.best_epoch import BestEpoch
from teachers.native import NETWORKS


@pytest.fixture
def config():
    config = load_recipe("digits:smoke")
    config.data.update(dict(train_examples=64, validation_examples=40))
    config.teacher.update(dict(epochs=3, widths=(5,), blocks=(1,)))
    config.teacher.update(dict(evaluate_examples=1, precision="float32"))
    return config


def finished(config, workdir):
    run = Run(config, workdir)
    execute(run, select(config, ["teacher"]))
    return run


def trained(config, workdir):
    """The training alone: (what it says of itself, the run)."""
    run = Run(config, workdir)
    return native_teacher.train_native(run), run


def test_the_best_epoch_is_kept_and_written_in_both_formats(config, tmp_path):
    run = finished(config, tmp_path)
    description = run.record["teacher"]
    accuracies = [row["val_robust_accuracy"] for row in run.record["history"]["teacher"]]
    assert len(accuracies) == 3
    assert description["training"]["epoch"] == 1 + int(np.argmax(accuracies))
    assert description["training"]["validation_robust_accuracy"] == pytest.approx(max(accuracies))
    assert description["training"]["onnx_error"] < 1e-5
    assert sorted(path.name for path in (tmp_path / "teacher").glob("*.*")) == [
        "history.csv",
        "teacher.json",
        "teacher.keras",
        "teacher.onnx",
    ]
    images = run.dataset.test.evenly_spaced(7).as_float()
    network = keras.models.load_model(tmp_path / "teacher" / "teacher.keras")
    written = teachers.load_onnx(tmp_path / "teacher" / "teacher.onnx")
    np.testing.assert_allclose(
        written.signals(images).logits, network(images, training=False), rtol=1e-4, atol=1e-5
    )
    assert len(written.tap_names) == description["n_t"]


def test_what_is_written_is_the_best_epoch_and_not_the_last(config, tmp_path, monkeypatch):
    first = {}

    class FirstIsBest(BestEpoch):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, {self.METRIC: 1.0 / (1 + epoch)})
            first.setdefault("weights", self.network.get_weights())

    monkeypatch.setattr(native_teacher, "BestEpoch", FirstIsBest)
    training, _ = trained(config, tmp_path)
    assert training["epoch"] == 1
    written = keras.models.load_model(tmp_path / "teacher" / "teacher.keras").get_weights()
    for found, wanted in zip(written, first["weights"], strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_taps_that_match_nothing_are_refused_before_the_training(config, tmp_path):
    config.teacher.taps = "nothing"
    with pytest.raises(teachers.TeacherError, match="matches none of the convolutions"):
        finished(config, tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_patience_the_last_epoch_is_kept(config, tmp_path):
    config.teacher.patience = None
    training, _ = trained(config, tmp_path)
    assert training["epoch"] == 3
    assert "validation_robust_accuracy" not in training


def test_patience_ends_the_training(config, tmp_path):
    # A learning rate this small changes nothing that accuracy on 64 digits could show.
    config.teacher.update(dict(epochs=9, patience=1, learning_rate=1e-12, weight_average=0.0))
    config.teacher.batch_norm_momentum = 0.999999
    training, run = trained(config, tmp_path)
    assert len(run.record["history"]["teacher"]) == 2
    assert training["epoch"] == 1


def interrupted(train, config, workdir, monkeypatch, module, name):
    """Trains until a function is called, where it is interrupted."""

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, name, interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(config, workdir)


def test_a_run_stopped_after_its_training_goes_on(config, tmp_path, monkeypatch):
    interrupted(finished, config, tmp_path, monkeypatch, teacher_stage, "_measure")
    run = finished(config, tmp_path)
    assert len(run.record["history"]["teacher"]) == 3
    accuracies = [row["val_robust_accuracy"] for row in run.record["history"]["teacher"]]
    assert run.record["teacher"]["training"]["epoch"] == 1 + int(np.argmax(accuracies))
    assert not list((tmp_path / "teacher").glob("best*"))


def test_an_ended_training_stays_ended_when_it_is_resumed(config, tmp_path, monkeypatch):
    config.teacher.update(dict(epochs=9, patience=1, learning_rate=1e-12, weight_average=0.0))
    config.teacher.batch_norm_momentum = 0.999999
    for _ in range(2):
        interrupted(trained, config, tmp_path, monkeypatch, native_teacher, "_onnx_error")
    training, run = trained(config, tmp_path)
    assert len(run.record["history"]["teacher"]) == 2
    assert training["epoch"] == 1


@pytest.mark.parametrize("adversarial", ATTACK_KINDS)
def test_config_reaches_the_training(adversarial, config, tmp_path):
    config.teacher.update(
        dict(adversarial=adversarial, beta=2.5, attack_steps=3, attack_step_size=0.4)
    )
    config.teacher.weight_average = 0.7
    run = Run(config, tmp_path)
    model = adversarial_model(run, native_classifier(run, 4), 4)
    attack, judge = model.hardening.attack, model.hardening.validation
    assert (attack.name, model.hardening.beta) == (adversarial, 2.5)
    # Whatever it trains on, it is judged by PGD of the same steps, from the same random stream.
    assert judge.name == "pgd"
    assert judge.seed_generator is attack.seed_generator
    for each in (attack, judge):
        assert (each.steps, each.step_fraction) == (3, 0.4)
        assert each.threat_model == run.threat_model
    assert model.validated is not model.classifier
    config.teacher.weight_average = 0.0
    model = adversarial_model(run, native_classifier(run, 4), 4)
    assert model.validated is model.classifier


def test_the_small_network_is_of_the_config_s_sizes(config, tmp_path):
    run = Run(config, tmp_path)
    classifier = native_classifier(run, 4)
    assert classifier.output_shape == (None, 10)
    assert classifier.input_shape == (None, *run.dataset.input_shape)
    means = [layer.mean for layer in classifier.layers if hasattr(layer, "std")]
    np.testing.assert_allclose(means, [run.dataset.mean])


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_every_network_can_be_asked_for(network, config, tmp_path, monkeypatch):
    config.teacher.network = network
    config.seed = 7
    run = Run(config, tmp_path)
    # To build them is the catalogue's test.
    monkeypatch.setattr(teachers.native, "build", lambda *names, **options: (names, options))
    names, options = native_classifier(run, 4)
    assert names == (network, 10, run.dataset.input_shape)
    assert options == {
        "mean": run.dataset.mean,
        "std": run.dataset.std,
        "batch_norm_momentum": 0.9,
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("adversarial", "steps", "watched"), [("n_fgsm", 3, True), ("pgd", 3, False), ("pgd", 1, True)]
)
def test_a_training_on_single_steps_is_watched(
    config, tmp_path, monkeypatch, adversarial, steps, watched
):
    given = {}

    def only_asked(run, stage, model, stream, **options):
        given.update(options)
        raise InterruptedError

    monkeypatch.setattr(native_teacher, "train_stage", only_asked)
    config.teacher.update(dict(adversarial=adversarial, attack_steps=steps))
    with pytest.raises(InterruptedError):
        trained(config, tmp_path)
    names = [type(callback).__name__ for callback in given["callbacks"]]
    assert names == ["BestEpoch", *["BreakdownWarning"][: int(watched)]]
