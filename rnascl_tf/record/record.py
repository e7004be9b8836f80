"""`record.json`: what a run did and found, in one file. This is the schema's only description.

| key | content |
|---|---|
| schema | 1 |
| config | the resolved config, section by section |
| versions | Python and package versions |
| git_commit | of the checkout that ran, "-dirty" if changed; null outside one |
| hardware | system, cpu, cores, memory_gib, devices |
| seeds | {"run": the config's seed} |
| stages | stage -> {status: "started" or "finished", seconds, finished_at, git_commit, settings} |
| teacher | name, source, sha256, n_t, taps, verification, robustness |
| latency_table | of a search by latency: sha256, kind, device, check, predicted_ms, target_ms |
| architecture | `architecture.json`, see `networks.Architecture` |
| history | stage -> list of epochs, each a dict of means: loss terms, temperature, tutor_entropy, ... |
| search_diagnostics | how decided the search is: `report.summarize_search`; by the report stage |
| robustness | model -> attack -> accuracy, n, interval (95% Wilson), epsilon, steps, space, seed, ... |
| masking | model -> verdict: suspicious, failed, checks (each with its two numbers), left_out |
| exports | list of: file, model, kind, bytes, sha256, agreement, clean, robust, latency, ... |

"robust" of an export is of the images that withstand all attacks on that file; it says how many the
transferred images and Square each broke, and holds the Keras student under the same attacks ("keras",
and in it "transferred"), what the file loses against it in points ("drop_points", on the images that
Square was tried on, and "drop_points_transferred", on all), and "flagged": either is over 2.
"""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import psutil
import tensorflow as tf

from rnascl_tf.errors import UserError
from rnascl_tf.files import read_json, write_json

SCHEMA = 1

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


_FINDINGS = {
    "teacher": ["teacher"],
    "search": ["architecture", "latency_table", "search_diagnostics"],
    "evaluate": ["masking"],
    "export": ["exports"],
}
_ATTACKED = {"teacher": ["teacher"], "evaluate": ["student", "trades", "baseline"]}
"""What each stage adds to the record besides its own entry and history."""


class RecordError(UserError):
    """A `record.json` that is not one; the message says what is wrong."""


class Record:
    """The record of one run directory, read when it exists, rewritten atomically at each `write`.

    Args:
        path: of `record.json`.

    Raises:
        RecordError: the file is not JSON, or of another schema.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.values = {"schema": SCHEMA, "stages": {}, "history": {}, "robustness": {}}
        if self.path.exists():
            try:
                self.values = read_json(self.path)
            except (OSError, ValueError) as error:
                raise RecordError(f"{self.path} cannot be read: {error}.") from error
            if not _is_record(self.values):
                raise RecordError(
                    f"{self.path} is no record of schema {SCHEMA}: give another --workdir."
                )

    def __getitem__(self, key):
        return self.values[key]

    def __setitem__(self, key, value):
        self.values[key] = value

    def get(self, key, default=None):
        """Returns a top-level value, or the default."""
        return self.values.get(key, default)

    def forget(self, stage):
        """Drops a stage and what it found."""
        self.values["stages"].pop(stage, None)
        self.values["history"].pop(stage, None)
        for key in _FINDINGS.get(stage, ()):
            self.values.pop(key, None)
        for model in _ATTACKED.get(stage, ()):
            self.values["robustness"].pop(model, None)

    def describe_environment(self, config, seed):
        """Sets config, versions, commit, hardware and seeds."""
        self.values |= {
            "config": config,
            "versions": versions(),
            "git_commit": git_commit(),
            "hardware": hardware(),
            "seeds": {"run": seed},
        }

    def write(self):
        """Rewrites the file atomically."""
        write_json(self.path, self.values)


def _is_record(values):
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        return False
    sections = [values.get(key) for key in ("stages", "history", "robustness")]
    return all(isinstance(section, dict) for section in sections) and all(
        isinstance(entry, dict) and isinstance(entry.get("settings"), dict)
        for entry in values["stages"].values()
    )


def versions():
    """Returns {"python" and each package: version}; a package run from a checkout has none."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def git_commit():
    """Returns the commit of the checkout this package is in, "-dirty" behind it, or None."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None

    def git(*arguments):
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return commit + ("-dirty" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor():
    """Returns the processor's name; on Linux the platform module does not know it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def hardware():
    """Returns the machine: system, cpu, cores, memory in GiB, and TensorFlow's devices."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "devices": [device.name for device in tf.config.list_physical_devices()],
    }
