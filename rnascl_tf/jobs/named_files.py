"""The files that a config names, refused before any work where they are not there."""

from ml_collections import ConfigDict

from rnascl_tf.files import require_file
from rnascl_tf.recipes import config_value

_FILES = {
    "teacher.onnx": "an ONNX file",
    "search.architecture": "an architecture.json of another run",
    "search.latency_table": "a table of rnascl latency-table",
}
"""Config keys that name a file to read, and what they want."""


def require_named_files(config: ConfigDict) -> None:
    """Raises UserError if a file that the config names does not exist, or is a folder."""
    for key, wanted in _FILES.items():
        if path := config_value(config, key):
            require_file(path, wanted, f"--config.{key}=")
