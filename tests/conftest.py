"""What several folders of tests need: two devices, real commands, and a run that was not trained."""

import ctypes
import gc
import os
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

# What TensorFlow does by itself on CPUs with AVX512_VNNI, and then says so: also on those without.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import hypothesis
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

import teachers
from rnascl_tf.files import save_model, write_json
from rnascl_tf.networks import (
    SEARCH_SPACES,
    Tutor,
    build_student,
    describe,
    student_taps,
    write_architecture,
)
from rnascl_tf.runs import Run
from tests import tiny_recipe

# Two logical CPUs stand in for two GPUs; it must be said before TensorFlow touches a device.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

# Shared cores: a slow moment is not a failure.
hypothesis.settings.register_profile("shared_cores", deadline=None)
hypothesis.settings.load_profile("shared_cores")

ROOT = Path(__file__).resolve().parents[1]


SLOWEST_FILES = (
    *("tests/commands/test_run.py", "tests/training/test_replicas.py"),
    *("tests/commands/test_ablate.py", "tests/commands/test_bad_input.py"),
    *("tests/test_golden_losses.py", "tests/robustness/test_attacker.py"),
    *("tests/commands/test_import_teacher.py", "tests/training/loop/test_fit.py"),
    *("tests/teachers/onnx_import/test_malformed_onnx.py", "tests/examples/test_classify.py"),
)


def pytest_collection_modifyitems(items):
    """The slowest files first: one that began last would leave the other processes idle."""
    order = {file: position for position, file in enumerate(SLOWEST_FILES)}
    items.sort(key=lambda item: order.get(item.nodeid.partition("::")[0], len(order)))


def pytest_collection_finish():
    """What the imports have made stays: the garbage collector need not look at it each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def memory_is_given_back():
    """Models and graphs are cycles, which Python would keep for long, and C's allocator for good."""
    yield
    # Those of TensorFlow itself, as of its reductions over replicas: each holds a whole graph, see
    # `rnascl_tf.runtime.custom_gradient`, whose own are proxies.
    entries = ops.gradient_registry._registry
    for name in [name for name in entries if name.startswith("CustomGradient-")]:
        if not isinstance(entries[name]["type"], weakref.ProxyTypes):
            del entries[name]
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@pytest.fixture(scope="session")
def two_replicas():
    """One strategy for all tests of a process: TensorFlow numbers collectives anew in each, and mixes
    up those of two."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB, mounted for the test."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(options, check=False).returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def run_module():
    """Starts a real command, from a folder that is not the checkout."""

    def run(module, *arguments, cwd, timeout=300):
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def tiny_config():
    """Makes the config of `tests/tiny_recipe.py`, whose space is known until the tests end."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(SEARCH_SPACES, tiny_recipe.SPACE.name, tiny_recipe.SPACE)
        yield tiny_recipe.get_config


def trained_config(tiny_config):
    config = tiny_config()
    config.trades.update(dict(enabled=True, epochs=1, attack_steps=1, attack_step_size=1.0))
    config.baseline.enabled = False
    config.data.train_examples = 64
    return config


@pytest.fixture(scope="session")
def trained_folder(tiny_config, tmp_path_factory):
    """The files of `trained_run`, built once."""
    run = Run(trained_config(tiny_config), tmp_path_factory.mktemp("trained"))
    dataset = run.dataset
    teacher = teachers.resnet(
        dataset.num_classes, dataset.input_shape, widths=(5, 7), blocks=(1, 1), seed=1
    )
    save_model(teacher, run.folder("teacher") / "teacher.keras")
    write_json(run.workdir / "teacher" / "teacher.json", {"file": "teacher.keras"})

    def architecture(tutors):
        return describe(run.problem, run.space.narrowest, tutors, 0)

    for seed, stage in enumerate(("train", "trades"), start=1):
        student = build_student(architecture([]), momentum=0.997, seed=seed)
        save_model(student, run.folder(stage) / "student.keras")
    tutors = [
        Tutor(name, run.teacher.tap_names[0], 1.0) for name in student_taps(student).output["taps"]
    ]
    write_architecture(architecture(tutors), run.folder("search") / "architecture.json")
    return run.workdir


@pytest.fixture
def trained_run(tiny_config, trained_folder, tmp_path):
    """A `Run`, its students in DIR/train and DIR/trades with seeds 1 and 2, without a baseline."""
    shutil.copytree(trained_folder, tmp_path, dirs_exist_ok=True)
    run = Run(trained_config(tiny_config), tmp_path)
    run.record["teacher"] = {"n_t": len(run.teacher.tap_names)}
    return run
