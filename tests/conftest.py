"""What several folders of tests need: two devices, and starting a real command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# What TensorFlow does by itself on CPUs with AVX512_VNNI, and then says so: also on those without.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import hypothesis
import pytest
import tensorflow as tf

# Two logical CPUs stand in for two GPUs; it must be said before TensorFlow touches a device.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

# Shared cores: a slow moment is not a failure.
hypothesis.settings.register_profile("shared_cores", deadline=None)
hypothesis.settings.load_profile("shared_cores")

ROOT = Path(__file__).resolve().parents[1]


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
