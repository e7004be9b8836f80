"""What several folders of tests need: two devices, and starting a real command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

# Two logical CPUs stand in for two GPUs; it must be said before TensorFlow touches a device.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

ROOT = Path(__file__).resolve().parents[1]


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
