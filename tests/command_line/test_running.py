"""A command's exit code and last words."""

import json
import signal

import pytest

from rnascl_tf.command_line import CONTINUES, RESUMES, run
from rnascl_tf.errors import UserError
from rnascl_tf.runtime.stopping import StoppedError


def raising(error):
    def command(_arguments):
        raise error

    return command


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_what_the_command_returned_is_the_exit_code(returned, code):
    assert run(lambda _: returned, []) == code


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("two\nlines"), 2, "error: two lines"),
        (OSError(28, "No space left on device", "a.json"), 2, "error: a.json: No space left"),
        (OSError("gone"), 2, "error: input/output: gone."),
        (KeyboardInterrupt(), 130, CONTINUES),
        (StoppedError(signal.SIGTERM), 143, CONTINUES),
    ],
)
def test_an_error_is_one_line(error, code, line, capsys):
    assert run(raising(error), [], CONTINUES) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(line)
    assert shown.err.count("\n") == 1


def test_anything_else_is_a_bug_and_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(raising(ZeroDivisionError()), [])


@pytest.mark.parametrize(
    ("error", "level", "message"),
    [(UserError("wrong"), "ERROR", "wrong"), (KeyboardInterrupt(), "INFO", RESUMES)],
)
def test_last_words_are_json_where_the_log_is(error, level, message, capsys):
    run(raising(error), ["--log_json"])
    (line,) = capsys.readouterr().err.splitlines()
    values = json.loads(line)
    assert (values["level"], values["message"]) == (level, message)
