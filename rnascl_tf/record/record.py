"""`record.json`: what a run did and found. The schema is described here and nowhere else.

| key | content |
|---|---|
| schema | 1 |
| config | the resolved config, section by section |
| versions | Python and package versions |
| git_commit | of the checkout that ran, "-dirty" if changed; null outside one |
| hardware | system, cpu, cores, memory_gib, devices |
| seeds | {"run": the config's seed} |
| stages | stage -> {status: "started" or "finished", seconds, finished_at, git_commit, settings} |
|  | and of a training that kept its best epoch: kept: {epoch, validation_robust_accuracy} |
| teacher | name, source, file, sha256, n_t, taps, precision, verification, robustness |
|  | and of a network trained here: training: {epoch, validation_robust_accuracy, onnx_error} |
| latency_table | of a search by latency: sha256, kind, device, check, predicted_ms, target_ms |
| architecture | `architecture.json`, see `networks.Architecture` |
| history | stage -> list of epochs, each a dict of means: loss terms, temperature, tutor_entropy, ... |
| search_diagnostics | how decided the search is: `report.summarize_search`; by the report stage |
| robustness | model -> attack -> accuracy, n, interval (95% Wilson), epsilon, steps, space, seed, ... |
| masking | model -> verdict: suspicious, failed, checks (each with its two numbers), left_out |
| exports | list of: file, model, kind, bytes, sha256, agreement, clean, robust, latency, ... |

"robust" of an export counts the images that withstand all attacks on that file. It says how many were
broken by the transferred images and how many by Square, and holds the Keras student under the same
attacks ("keras", and in it "transferred"), the points that the file loses ("drop_points" on the images
that Square was tried on, "drop_points_transferred" on all), and "flagged": either is over 2.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rnascl_tf.errors import UserError
from rnascl_tf.files import read_json, write_json

SCHEMA = 1


class RecordError(UserError):
    """A `record.json` that is not a record; the message says what is wrong."""


class Record:
    """The record of one run directory, read when it exists, rewritten atomically at each `write`.

    Args:
        path: of `record.json`.

    Raises:
        RecordError: the file is not JSON, or of another schema.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.values: dict[str, Any] = {
            "schema": SCHEMA,
            "stages": {},
            "history": {},
            "robustness": {},
        }
        if self.path.exists():
            try:
                self.values = read_json(self.path)
            except (OSError, ValueError) as error:
                raise RecordError(f"{self.path} cannot be read: {error}.") from error
            if not _is_record(self.values):
                raise RecordError(
                    f"{self.path} is not a record of schema {SCHEMA}: give another --workdir."
                )

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.values[key] = value

    def get(self, key: str, default: Any = None) -> Any:
        """Returns a top-level value, or the default."""
        return self.values.get(key, default)

    def is_finished(self, stage: str) -> bool:
        """Whether a stage has finished."""
        return self["stages"].get(stage, {}).get("status") == "finished"

    def forget(self, stage: str, findings: Iterable[str]) -> None:
        """Drops a stage: its entry, its history and what it found.

        Args:
            stage: the stage's name.
            findings: keys of the record; a dot reaches into a dict: "robustness.teacher".
        """
        for key in (f"stages.{stage}", f"history.{stage}", *findings):
            values = self.values
            *path, last = key.split(".")
            for part in path:
                values = values.get(part, {})
            values.pop(last, None)

    def write(self) -> None:
        """Rewrites the file atomically."""
        write_json(self.path, self.values)


def _is_record(values: object) -> bool:
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        return False
    sections = [values.get(key) for key in ("stages", "history", "robustness")]
    return all(isinstance(section, dict) for section in sections) and all(
        isinstance(entry, dict) and isinstance(entry.get("settings"), dict)
        for entry in values["stages"].values()
    )
