"""Where numbers come from: package versions, the commit, the machine."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = (
    "rnascl-tf",
    "tensorflow",
    "keras",
    "numpy",
    "cleverhans",
    "onnx",
    "onnxruntime",
    "ai-edge-litert",
    "tensorflow-datasets",
    "ml-collections",
)


def describe_environment() -> dict[str, Any]:
    """Returns the record's versions, git_commit and hardware."""
    return {"versions": versions(), "git_commit": git_commit(), "hardware": hardware()}


def timestamp() -> str:
    """Returns the time now, in UTC to the second, as "2026-01-31T12:34:56+00:00"."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str | None]:
    """Returns {"python" and each package: version}; None for a package that is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def git_commit() -> str | None:
    """Returns the commit of this package's checkout, with "-dirty" if files were changed, or None."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return commit + ("-dirty" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str | None:
    """Returns the processor's name; on Linux the platform module does not know it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def hardware() -> dict[str, Any]:
    """Returns the machine: system, cpu, cores, memory in GiB, and TensorFlow's devices."""
    import tensorflow as tf  # here, so that versions and commit are known without it

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "devices": [device.name for device in tf.config.list_physical_devices()],
    }
