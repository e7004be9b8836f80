"""A command's log on standard error: our messages from INFO on, as text or as JSON for machines."""

import json
import logging as standard_logging
import time
from pathlib import Path

from absl import flags, logging

# Not resolved: log messages name their files as they were imported, even through a symbolic link.
_PACKAGE = Path(__file__).parents[1]


class JsonFormatter(standard_logging.Formatter):
    """One line per message: time (UTC), level, message, and the `fields` that came with it."""

    def format(self, record: standard_logging.LogRecord) -> str:
        """Returns the line."""
        values = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        return json.dumps(values | getattr(record, "fields", {}))


def set_up() -> None:
    """Shows this package's messages from INFO on, and those of libraries from WARNING on."""
    flags.FLAGS(["rnascl"])  # until its global flags are parsed, absl warns before every message
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    handler = logging.get_absl_handler()
    handler.setFormatter(None)
    handler.addFilter(_is_for_the_user)
    # By name: TensorFlow may not be imported yet, and may never be.
    tensorflow = standard_logging.getLogger("tensorflow")
    tensorflow.setLevel("WARNING")
    tensorflow.handlers.clear()  # absl's, at the root, prints what TensorFlow's own would repeat


def as_json() -> None:
    """Writes every message as one line of JSON from now on."""
    logging.get_absl_handler().setFormatter(JsonFormatter())


def last_words(line: str) -> str:
    """Returns a command's last line as the log is written: text, or JSON."""
    formatter = logging.get_absl_handler().python_handler.formatter
    if not isinstance(formatter, JsonFormatter):
        return line
    level = standard_logging.ERROR if line.startswith("error: ") else standard_logging.INFO
    message = line.removeprefix("error: ")
    return formatter.format(
        standard_logging.LogRecord("rnascl", level, __file__, 0, message, None, None)
    )


def _is_for_the_user(message: standard_logging.LogRecord) -> bool:
    if "triggered tf.function retracing" in str(message.msg):
        return False  # every attack is a function of its own; TensorFlow counts them by their line
    ours = Path(message.pathname).is_relative_to(_PACKAGE)
    return ours or message.levelno >= standard_logging.WARNING
