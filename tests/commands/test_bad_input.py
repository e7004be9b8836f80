"""Wrong input of the main job: one clear line on standard error, exit code 2, nothing written."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import teachers
from rnascl_tf.commands.run import main
from rnascl_tf.data import cifar10_archive
from rnascl_tf.networks import SearchProblem, build_student, describe
from tests import tiny_recipe


def everything_below(folder):
    """{path: the file's bytes, or None of a folder}."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def refused(capfd, tmp_path, monkeypatch):
    """Runs the command in an empty folder; returns its one line of complaint."""
    monkeypatch.chdir(tmp_path)
    # Where PYTHONDONTWRITEBYTECODE is set, a __pycache__ in the user's folder would not show.
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    def run(*arguments):
        capfd.readouterr()
        before = everything_below(tmp_path)
        code = main(list(arguments))
        complaint = capfd.readouterr().err
        assert code == 2, complaint
        assert len(complaint.splitlines()) == 1, complaint
        assert complaint.startswith("error: ")
        assert before == everything_below(tmp_path)
        return complaint

    return run


SMOKE = ("--config=digits:smoke", "--workdir=run")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), "--config and --workdir are missing: give --config=digits --workdir=runs/NAME."),
        (("--workdir=run", "--config.seed=1"), "--config is missing"),
        (("--config=digits:smoke",), "--workdir is missing"),
        (("--config=digit", "--workdir=run"), "did you mean digits?"),
        ((*SMOKE, "--strict"), "--strict needs a verdict on masked gradients"),
        (
            ("--config=digits:big", "--workdir=run"),
            "unknown variant 'big': give one of demo, ablation, smoke",
        ),
        (("--config=none.py", "--workdir=run"), "none.py does not exist"),
        (
            (*SMOKE, "--config.search.epoch=2"),
            "config.search has no 'epoch' (did you mean epochs?)",
        ),
        ((*SMOKE, "--config.serch.epochs=2"), "config has no 'serch' (did you mean search?)"),
        (
            (*SMOKE, "--config.search.epochs=two"),
            "epochs=two: wanted a whole number, as in the recipe: 1.",
        ),
        ((*SMOKE, "--config.search.epochs=0"), "--config.search.epochs=0 should be at least 1"),
        ((*SMOKE, "--config.train.learning_rate=-1"), "learning_rate=-1.0 should be above 0"),
        ((*SMOKE, "--config.search.space=S4"), "config.search.space has no 'S4'"),
        ((*SMOKE, "--config.threat.epsilon=8"), "divide it by 255"),
        ((*SMOKE, "--config.evaluate.attacks=fgsm,pdg20"), "did you mean pgd20?"),
        ((*SMOKE, "--config.teacher.mean=(0.5,0.5,0.5)"), "one number per channel each"),
        (
            (*SMOKE, "--config.teacher.widths=8,16"),
            "one number of at least 1 for each network stage",
        ),
        ((*SMOKE, "--config.teacher.widths=('a','b','c')"), "one number of at least 1"),
        ((*SMOKE, "--config.teacher.stem_stride=3"), "give one of 1, 2"),
        ((*SMOKE, "--config.teacher.network=resnet19"), "did you mean resnet18?"),
        ((*SMOKE, "--config.teacher.patience=0"), "patience=0 should be at least 1 epoch"),
        ((*SMOKE, "--config.teacher.weight_average=1"), "at least 0 and below 1"),
        ((*SMOKE, "--config.teacher.precision=half"), "give one of auto, float32, bfloat16"),
        ((*SMOKE, "--config.train.momentum=2"), "train.momentum=2.0 should be at least 0"),
        ((*SMOKE, "--config.evaluate.attacks=()"), "needs at least one name"),
        ((*SMOKE, "--config.evaluate.attacks=(1,)"), "needs at least one name"),
        ((*SMOKE, "--config.data.batch_size=2"), "batch_size=2 should be 3 or more"),
        ((*SMOKE, "--config.data.batch_size=500"), "128 training images"),
        (
            (*SMOKE, "--deterministic", "--config.teacher.precision=auto"),
            "a measured time decides some: give float32 or bfloat16",
        ),
        ((*SMOKE, "--config.threat.epsilon=0"), "leaves nothing to train against"),
        ((*SMOKE, "--config.data.name=cifar"), "cifar10"),
        ((*SMOKE, "--config.evaluate.examples=4000"), "digits has 400 test images"),
        (
            (*SMOKE, "--stages=serch"),
            "unknown stage 'serch' (did you mean search?): give some of teacher,",
        ),
        ((*SMOKE, "--stages=trades"), "stage trades is disabled"),
        (
            (*SMOKE, "--config.search.architecture=nope.json"),
            "nope.json does not exist: give an architecture.json",
        ),
        ((*SMOKE, "--config.search.activation=swish"), "give one of hard_swish, relu6, relu"),
        ((*SMOKE, "--config.search.cost=latency"), "latency_table=FILE go together"),
        ((*SMOKE, f"--config.search.latency_table={__file__}"), "latency_table=FILE go together"),
        ((*SMOKE, "--config.search.target_ms=0.1"), "give --config.search.cost=latency and"),
        (
            (*SMOKE, "--config.search.cost=latency", "--config.search.latency_table=none.json"),
            "none.json does not exist: give a table of rnascl latency-table",
        ),
        ((*SMOKE, "--config.export.transferred=autoattack"), "give attacks with gradients"),
        ((*SMOKE, "--config.export.square_queries=0"), "should be at least 1"),
        (
            (*SMOKE, f"--config.signals.store={__file__}/store"),
            "is not a folder; give another folder",
        ),
        ((*SMOKE, "--config.signals.views=-1"), "--config.signals.views=-1 should be 0 or more"),
        ((*SMOKE, "--config.signals.views=2.5"), "signals.views"),
        ((*SMOKE, "--config.search.target_macs=5"), "out of reach"),
        ((*SMOKE, "--config.seed=-1"), "--config.seed=-1 should be 0 or more"),
        ((*SMOKE, "--config.trades.epochs=0"), "--config.trades.epochs=0 should be at least 1"),
        ((*SMOKE, "--config.method.tutor=best"), "method.tutor has no 'best'"),
        ((*SMOKE, "--verbose"), "verbose"),
        ((*SMOKE, "search"), "unexpected argument 'search'"),
        ((*SMOKE, "--stages=search"), "stage search reads what stage teacher writes"),
        ((*SMOKE, "--config.teacher.onnx=none.onnx"), "none.onnx"),
    ],
)
def test_refuses(refused, arguments, wanted):
    assert wanted in refused(*arguments)


def test_disabled_stage_that_is_asked_for(refused):
    line = refused(*SMOKE, "--stages=baseline", "--config.baseline.enabled=false")
    assert "stage baseline is disabled: set --config.baseline.enabled=true" in line


BASE = "from rnascl_tf.recipes.base import base_config\ndef get_config():\n    config = base_config()\n"


def test_recipe_that_raises_or_gives_no_config(refused, tmp_path):
    recipe = tmp_path / "mine.py"
    for text, wanted in (
        ("1 / 0", "raised ZeroDivisionError in line 1: division by zero"),
        ("def get_config(variant=''):\n    return missing", "raised NameError"),
        ("def get_config(variant=''):\n    return {}", "returned dict"),
        ("x = 1", "has no function get_config"),
        ("def get_config(", "raised SyntaxError"),
        (BASE + "    config.serch = 1\n    return config", 'you mean "search"'),
        (BASE + "    with config.unlocked():\n        config.x = 1\n    return config", "key x"),
        (
            BASE + "    with config.unlocked():\n        del config.train\n    return config",
            "key train",
        ),
    ):
        recipe.write_text(text)
        assert wanted in refused("--config=mine.py", "--workdir=run")


def test_an_error_is_json_where_the_log_is(capfd, tmp_path):
    assert main(["--config=nope", f"--workdir={tmp_path}", "--log_json"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    values = json.loads(line)
    assert values["level"] == "ERROR"
    assert values["message"].startswith("no recipe is called 'nope'")


def test_onnx_file_that_is_not_onnx(refused, tmp_path):
    (tmp_path / "teacher.onnx").write_bytes(b"not a model" * 100)
    line = refused(*SMOKE, "--config.teacher.onnx=teacher.onnx")
    assert "teacher.onnx" in line
    assert "ONNX" in line


def classifier(path, classes=10, size=32, output="logits", ir_version=10):
    """Writes a small ONNX file: one convolution, pooling, a dense layer."""
    generator = np.random.default_rng(0)
    weights = {
        "kernel": generator.normal(size=(5, 3, 3, 3)).astype("float32"),
        "dense": generator.normal(size=(5, classes)).astype("float32"),
    }
    nodes = [
        onnx.helper.make_node("Conv", ["images", "kernel"], ["features"], pads=[1, 1, 1, 1]),
        onnx.helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        onnx.helper.make_node("Flatten", ["pooled"], ["flat"]),
        onnx.helper.make_node("MatMul", ["flat", "dense"], ["logits"]),
    ]
    shape = ["n", classes] if output == "logits" else ["n", 5, size, size]
    graph = onnx.helper.make_graph(
        nodes,
        "classifier",
        [
            onnx.helper.make_tensor_value_info(
                "images", onnx.TensorProto.FLOAT, ["n", 3, size, size]
            )
        ],
        [onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=ir_version), path)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"classes": 7}, "has 7 classes, wanted 10"),
        ({"size": 28}, "takes images of 28x28x3, wanted 32x32x3"),
        ({"output": "features"}, "is not a convolutional image classifier"),
        ({"ir_version": 99}, "teacher.onnx"),
    ],
)
def test_onnx_file_that_does_not_fit(refused, tmp_path, options, wanted):
    classifier(tmp_path / "teacher.onnx", **options)
    assert wanted in refused(*SMOKE, "--config.teacher.onnx=teacher.onnx")


def test_onnx_file_with_weights_beside_it_makes_a_run_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classifier("plain.onnx")
    options = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(onnx.load("plain.onnx"), "teacher.onnx", **options)
    arguments = (*SMOKE, "--config.teacher.onnx=teacher.onnx")
    assert main([*arguments, "--stages=teacher"]) == 0
    (tmp_path / "weights.bin").unlink()
    reloaded = teachers.load_onnx("run/teacher/teacher.onnx", input_shape=(32, 32, 3))
    assert reloaded.num_classes == 10
    # Started again from its own copy, which lies in the folder that goes.
    again = [*arguments[:2], "--config.teacher.onnx=run/teacher/teacher.onnx", "--overwrite"]
    assert main([*again, "--stages=teacher"]) == 0


def test_a_hopeless_learning_rate_stops_at_the_term_that_broke(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [*SMOKE, "--stages=teacher", "--config.teacher.learning_rate=1e30"]
    assert main(arguments) == 2
    (line,) = [text for text in capfd.readouterr().err.splitlines() if text.startswith("error")]
    assert "loss term cross_entropy became" in line
    assert "lower --config.teacher.learning_rate" in line


def test_data_that_is_not_prepared(refused, tmp_path, monkeypatch):
    # A port where nothing listens: also with a network this test downloads nothing.
    monkeypatch.setattr(cifar10_archive, "ARCHIVE", "http://127.0.0.1:9/cifar-10-binary.tar.gz")
    (tmp_path / "empty").mkdir()
    line = refused("--config=cifar10:s3", "--workdir=run", "--config.data.data_dir=empty")
    assert "cifar10" in line
    assert "data_dir" in line


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' /proc")
def test_workdir_without_write_permission(refused):
    line = refused("--config=digits:smoke", "--workdir=/proc/run")
    assert "--workdir=/proc/run: /proc is not writable" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_workdir_that_is_read_only(refused, tmp_path):
    (tmp_path / "run").mkdir(mode=0o500)
    assert "run is not writable (Permission denied)" in refused(*SMOKE)


def test_a_batch_that_replicas_cannot_share(refused):
    line = refused(*SMOKE, "--strategy=mirrored", "--config.data.batch_size=33")
    assert "data.batch_size=33 does not divide by 2 replicas into parts of" in line
    assert "give 32 or 34" in line


def test_workdir_on_a_read_only_mount(refused, small_disk):
    (small_disk / "run").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    workdir = small_disk / "run"
    line = refused("--config=digits:smoke", f"--workdir={workdir}")
    assert f"{workdir} is not writable (Read-only file system)" in line


def test_workdir_on_a_full_disk(capfd, small_disk):
    """Where the disk is full when the first file is to be written."""
    with contextlib.suppress(OSError):
        (small_disk / "ballast").write_bytes(bytes(2**21))
    code = main(["--config=digits:smoke", f"--workdir={small_disk}/run", "--stages=teacher"])
    shown = capfd.readouterr().err
    assert code == 2
    assert "Traceback" not in shown
    assert "No space left on device" in shown


def test_workdir_that_is_a_file(refused, tmp_path):
    (tmp_path / "run").write_text("mine")
    assert "run" in refused(*SMOKE)


def test_record_of_something_else(refused, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "record.json").write_text(json.dumps({"schema": 99}))
    assert "not a record of schema 1" in refused(*SMOKE)


def test_a_user_recipe_from_any_folder_is_read(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from configs.digits import get_config as digits\n"
        "def get_config(variant='smoke'):\n"
        "    config = digits(variant)\n"
        "    config.search.epochs = 0\n"
        "    return config\n"
    )
    assert main(["--config=mine.py", "--workdir=run"]) == 2
    assert "search.epochs=0" in capfd.readouterr().err


def test_help_names_every_stage_and_flag(capfd):
    assert main(["--help"]) == 0
    text = capfd.readouterr().out
    for wanted in ("--workdir", "--stages", "--dry_run", "--overwrite", "teacher, search, train"):
        assert wanted in text
    assert "\n  --config" not in text.split("flags:")[1]


def test_dry_run_prints_config_sizes_and_times_and_writes_nothing(
    capfd, tmp_path, monkeypatch, tiny_config
):
    monkeypatch.chdir(tmp_path)
    space = tiny_config().search.space
    tiny = [f"--config={tiny_recipe.__file__}", "--workdir=run"]
    assert main([*tiny, "--dry_run", "--config.search.gamma=3.5"]) == 0
    text = capfd.readouterr().out
    assert "--config.search.gamma=3.5" in text
    assert "128 training, 40 validation, 400 test images" in text
    widest = describe(
        SearchProblem(tiny_recipe.SPACE, 10, (8, 8, 3)), tiny_recipe.SPACE.widest, [], 0
    )
    params = sum(int(np.prod(v.shape)) for v in build_student(widest).trainable_variables)
    assert f"{space} widest student: {params:,} params" in text
    for stage in ("teacher", "search", "train", "baseline", "evaluate", "export", "report"):
        assert f"  {stage} " in text
    assert not list(tmp_path.iterdir())


PROJECT = "from configs.epochs import EPOCHS\n" + BASE.replace(
    "    config = base_config()\n",
    "    config = base_config()\n    config.search.epochs = EPOCHS\n    config.data.name = 'digit'\n"
    "    return config\n",
)


def test_a_project_may_have_a_package_configs_of_its_own(tmp_path, run_module):
    """Its recipe is read, its values count: the misspelt data set is what is wrong."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "__init__.py").write_text("")
    (tmp_path / "configs" / "epochs.py").write_text("EPOCHS = 7\n")
    (tmp_path / "configs" / "NAME.py").write_text(PROJECT)
    flags = ["--config=configs/NAME.py", "--workdir=run"]
    done = run_module("rnascl_tf", *flags, "--config.search.epochs=two", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: --config.search.epochs=two: wanted a whole number, as in the recipe: 7.\n"
    )


def test_a_recipe_imports_what_lies_beside_it_from_any_folder(capfd, tmp_path, monkeypatch):
    project = tmp_path / "project"
    project.mkdir()
    (project / "our_epochs.py").write_text("EPOCHS = 7\n")
    (project / "mine.py").write_text(PROJECT.replace("configs.epochs", "our_epochs"))
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    flags = [f"--config={project / 'mine.py'}", "--workdir=run", "--config.search.epochs=two"]
    assert main(flags) == 2
    assert "as in the recipe: 7." in capfd.readouterr().err
    assert sys.path == path


def test_what_a_recipe_raises_comes_with_its_line(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def get_config():\n    none = {}\n    return none['k']\n")
    assert main(["--config=mine.py", "--workdir=run"]) == 2
    assert capfd.readouterr().err == "error: config mine.py raised KeyError in line 3: 'k'\n"


LOCKED = "does not exist and cannot be added since the config is locked."


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("config.serch = 1", f'Key "serch" {LOCKED} Did you mean "search" instead of "serch"?'),
        ("config.zzzzz = 1", f'Key "zzzzz" {LOCKED}'),
        ("config.zzzzz", "'zzzzz'"),
        ("config['serch']", '\'serch\' Did you mean "search" instead of "serch"?'),
    ],
)
def test_an_unknown_key_of_a_recipe_is_named_without_stray_quotes(
    line, wanted, capfd, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(f"{BASE}    {line}\n    return config\n")
    assert main(["--config=mine.py", "--workdir=run"]) == 2
    (complaint,) = capfd.readouterr().err.splitlines()
    assert complaint.partition(" in line 4: ")[2] == wanted


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (
            "from configs.base import base_config",
            "imports configs.base, which is gone: write `from",
        ),
        ("import configs.base", "`from rnascl_tf.recipes import base_config, apply_variants`"),
        ("from configs import base, digits", "imports configs.base, which is gone"),
        ("from configs.epochs import EPOCHS", "imports configs.epochs, which Python does not find"),
        ("import nothing_of_this_name", "which Python does not find: install it, or put"),
    ],
)
def test_a_recipe_with_an_import_that_fails_is_told_what_to_import(
    line, wanted, tmp_path, run_module
):
    (tmp_path / "mine.py").write_text(f"{line}\n\ndef get_config():\n    return base_config()\n")
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "__init__.py").write_text("")
    done = run_module("rnascl_tf", "--config=mine.py", "--workdir=run", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: config mine.py imports ")
    assert wanted in done.stderr
