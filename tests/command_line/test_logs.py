"""Which messages reach the user, and how."""

import json
import logging
import subprocess
import sys

from rnascl_tf.command_line.logs import JsonFormatter

SCRIPT = """
import logging, pathlib, sys
from absl import logging as absl_logging
from rnascl_tf.command_line import logs

logs.set_up()
if sys.argv[1] == "json":
    logs.as_json()
ours = pathlib.Path(logs.__file__).parents[1] / "stages" / "search.py"
def say(logger, level, path, text):
    logging.getLogger(logger).handle(
        logging.LogRecord(logger, level, str(path), 1, text, None, None)
    )
say("absl", logging.INFO, ours, "ours")
say("absl", logging.INFO, "/elsewhere/library.py", "a library's")
say("absl", logging.WARNING, "/elsewhere/library.py", "a library's warning")
say("absl", logging.WARNING, "/tensorflow/x.py", "5 calls triggered tf.function retracing")
"""


def shown(form):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, form], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_our_messages_and_others_warnings_are_shown_as_they_are():
    assert shown("text") == ["ours", "a library's warning"]


def test_for_machines_each_is_one_line_of_json():
    first, second = map(json.loads, shown("json"))
    assert (first["level"], first["message"]) == ("INFO", "ours")
    assert second["level"] == "WARNING"


def test_fields_of_a_message_are_keys_of_its_line():
    record = logging.LogRecord("rnascl", logging.INFO, "file", 1, "%d epochs", (3,), None)
    record.fields = {"epochs": 3}
    line = json.loads(JsonFormatter().format(record))
    assert line.pop("time").endswith("Z")
    assert line == {"level": "INFO", "message": "3 epochs", "epochs": 3}
