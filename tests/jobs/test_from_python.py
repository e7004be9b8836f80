"""Jobs called from Python; what they do for a user is tested by the commands, tests/commands."""

import keras
import pytest

from rnascl_tf import jobs, pipeline
from rnascl_tf.deploy import convert, export_saved_model
from rnascl_tf.errors import UserError
from rnascl_tf.files import requested_paths
from rnascl_tf.jobs.attack_feasibility import check_combination, why_no_verdict
from rnascl_tf.jobs.export_request import check_export
from rnascl_tf.recipes import load_recipe
from rnascl_tf.record import Record
from rnascl_tf.robustness import Accuracy, ThreatModel
from rnascl_tf.runtime import devices
from teachers import TeacherError
from tests.report.conftest import models, write_record  # noqa: F401


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    keras.utils.set_random_seed(3)
    layers = [keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
    path = tmp_path_factory.mktemp("model") / "model.keras"
    keras.Sequential(layers).save(path)
    return path


def test_an_attack_returns_what_each_attack_left(model, tmp_path):
    request = jobs.AttackRequest(
        model=model,
        dataset="digits",
        out=tmp_path / "out",
        epsilon="0.3",
        attacks=("fgsm",),
        examples=30,
        masking_examples=0,
    )
    report = jobs.attack_file(request)
    assert list(report.results) == ["clean", "fgsm"]
    assert report.results["clean"].accuracy == Accuracy(
        report.results["clean"].accuracy.correct, 30
    )
    assert report.results["fgsm"].accuracy.value <= report.results["clean"].accuracy.value
    assert report.verdict is None
    assert (tmp_path / "out" / "robustness.json").exists()
    with pytest.raises(jobs.AttackRequestError, match="--strict needs a verdict"):
        jobs.attack_file(jobs.AttackRequest(**{**vars(request), "strict": True}))


def test_timed_files_are_returned_and_nothing_is_written_unasked(model, tmp_path):
    export_saved_model(keras.models.load_model(model), tmp_path / "saved")
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(tmp_path / "saved", "float32"))
    before = sorted(tmp_path.iterdir())
    (row,) = jobs.time_files([path], runs=4, rounds=2)
    latency = row.timing.latency
    assert (row.file, latency.threads, latency.runs) == ("model.tflite", 1, 4)
    assert 0 < latency.p50_ms <= latency.p95_ms
    assert sorted(tmp_path.iterdir()) == before


def test_a_scatter_returns_its_points(write_record, models, tmp_path):  # noqa: F811
    attacked, _ = models
    run = write_record("runs/one", {"student": attacked(0.81, 0.40)})
    (point,) = jobs.draw_scatter([run], tmp_path / "a.png")
    assert (point.model, point.attack, point.clean.value) == ("student", "pgd20", 0.81)
    assert (tmp_path / "a.csv").exists()


def test_images_without_a_run_are_refused(tmp_path):
    with pytest.raises(ValueError, match="is not a run folder"):
        jobs.classify_images(tmp_path, ["a.png"])


def test_a_classification_is_one_line():
    found = jobs.Classification("a.png", (("three", 0.912), ("eight", 0.05)))
    assert str(found) == "a.png: three 91.2%, eight 5.0%"


def test_a_verdict_needs_images_gradients_and_an_epsilon():
    linf = ThreatModel(0.1)
    assert why_no_verdict(20, "keras", linf) is None
    assert why_no_verdict(0, "keras", linf) == "--masking_examples=0"
    assert "has no gradients" in why_no_verdict(20, "tflite", linf)
    assert why_no_verdict(20, "onnx", ThreatModel(0.0)) == "epsilon is 0"


@pytest.mark.parametrize(
    ("changes", "kinds", "no_verdict", "message"),
    [
        ({"strict": True}, ("keras", None), "epsilon is 0", "there cannot be one: epsilon"),
        ({"teacher": "t"}, ("keras", "tflite"), None, "--teacher=t is a TFLite file"),
        (
            {"teacher": "t"},
            ("keras", "onnx"),
            "epsilon is 0",
            "for the verdict and the sweep",
        ),
        (
            {"sweep": True},
            ("tflite", None),
            "no gradients",
            "a TFLite file has no gradients",
        ),
    ],
)
def test_a_combination_that_would_fail_at_its_end_is_refused(changes, kinds, no_verdict, message):
    request = jobs.AttackRequest(model="m", dataset="digits", out="o", **changes)
    with pytest.raises(jobs.AttackRequestError, match=message):
        check_combination(request, *kinds, no_verdict)


def test_a_combination_that_works_is_accepted():
    request = jobs.AttackRequest(model="m", dataset="digits", out="o", teacher="t", sweep=True)
    check_combination(request, "keras", "onnx", "epsilon is 0")


def test_an_export_is_completed_by_what_the_zoo_knows(tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(b"")
    out = tmp_path / "teacher.onnx"
    known = check_export(jobs.ExportRequest(out=out, checkpoint=checkpoint, zoo="salman2020_r18"))
    assert (known.architecture, known.num_classes) == ("resnet18", 1000)
    described = jobs.ExportRequest(
        out=out, checkpoint=checkpoint, architecture="resnet18", num_classes=7, input_size=48
    )
    assert check_export(described).input_shape == (48, 48, 3)
    assert check_export(described).normalization is None
    with pytest.raises(TeacherError, match="leave --num_classes out"):
        check_export(jobs.ExportRequest(out=out, zoo="salman2020_r18", num_classes=7))


@pytest.fixture
def accepted(tmp_path, monkeypatch):
    """Whether a run gets past the checks of its folder, which is not writable and lacks `baseline`."""
    record = Record(tmp_path / "record.json")
    finished = {"status": "finished", "settings": {}}
    record["stages"] = {stage: finished for stage in pipeline.STAGES if stage != "baseline"}
    record.write()
    reached = []
    monkeypatch.setattr(requested_paths, "why_unwritable", lambda folder: f"{folder} is closed")
    monkeypatch.setattr(devices, "choose_devices", lambda *_: devices.ONE_DEVICE)
    for name in ("execute", "dry_run"):
        monkeypatch.setattr(pipeline, name, lambda *_, **__: reached.append(True))

    def run(*stages, workdir=tmp_path, onnx="", **request):
        config = load_recipe("digits:smoke")
        config.teacher.onnx = onnx
        jobs.run_recipe(jobs.RunRequest(config=config, workdir=workdir, stages=stages, **request))
        return bool(reached)

    return run


def test_a_folder_that_is_only_read_need_not_be_writable(accepted, monkeypatch):
    assert accepted("teacher", "search", "export")
    assert accepted("baseline", dry_run=True)
    # Another worker may be the one that writes.
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert accepted("baseline")


@pytest.mark.parametrize(
    ("stages", "overwrite"),
    [([], False), (["search"], True), (["search", "baseline"], False), (["report"], False)],
)
def test_a_folder_that_is_written_to_must_be_writable(stages, overwrite, accepted):
    with pytest.raises(UserError, match="is closed; give another folder"):
        accepted(*stages, overwrite=overwrite)


def test_a_stage_without_its_source_is_refused_unless_nothing_runs(accepted, tmp_path):
    with pytest.raises(UserError, match="stage train reads what stage search writes"):
        accepted("train", workdir=tmp_path / "new")
    assert accepted("train", workdir=tmp_path / "new", dry_run=True)


def test_an_onnx_file_is_read_only_where_it_is_taken(accepted, tmp_path, monkeypatch):
    path = tmp_path / "bad.onnx"
    path.write_text("no model")
    assert accepted("teacher", "search", onnx=str(path))
    monkeypatch.setattr(requested_paths, "why_unwritable", lambda _: None)
    assert accepted("search", overwrite=True, onnx=str(path))
    for arguments in ({"overwrite": True}, {"workdir": tmp_path / "new"}):
        with pytest.raises(TeacherError, match=r"bad\.onnx is not an ONNX file"):
            accepted("teacher", onnx=str(path), **arguments)
