"""Running a command: its exit code, signals, and one line for a user's error.

Exit codes: 0 done, 2 the user's input was wrong, 3 a strict verdict failed, 130 interrupted, 143
terminated, 1 anything else.
"""

import os
import sys
from collections.abc import Callable, Sequence

from rnascl_tf.command_line import logs
from rnascl_tf.data.errors import data_errors
from rnascl_tf.errors import UserError
from rnascl_tf.exit_codes import EXIT_INTERRUPTED, EXIT_USER_ERROR
from rnascl_tf.runtime.errors import WorkerLostError
from rnascl_tf.runtime.stopping import StoppedError, stop_signals

RESUMES = "interrupted; the same command without --overwrite resumes."
CONTINUES = "interrupted; the same command continues where it stopped."


def run(
    command: Callable[[Sequence[str]], int | None],
    arguments: Sequence[str],
    interrupted: str = RESUMES,
) -> int:
    """Runs a command and returns the exit code.

    Args:
        command: function (arguments) -> exit code, or None for 0.
        arguments: the command line without the program's and the command's name.
        interrupted: what to say of an interrupted command.
    """
    logs.set_up()
    if "--log_json" in arguments:
        # Flags may be wrong before they are parsed, and a recipe before its flags are known.
        logs.as_json()
    try:
        with stop_signals(), data_errors():
            return command(arguments) or 0
    except UserError as error:
        _say(f"error: {' '.join(str(error).split())}")
        return EXIT_USER_ERROR
    except BrokenPipeError:
        # The reader, `head` for one, has read enough; Python's own last flush would fail as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # Folders without permission, full disks: the file system's own words say what to fix.
        _say(f"error: {error.filename or 'input/output'}: {error.strerror or error}.")
        return EXIT_USER_ERROR
    except WorkerLostError as error:
        _say(f"error: {error}")
        sys.stdout.flush()
        # Python would wait for TensorFlow, which waits for the worker that is gone.
        os._exit(1)
    except StoppedError as error:
        _say(interrupted)
        return 128 + error.number
    except KeyboardInterrupt:
        _say(interrupted)
        return EXIT_INTERRUPTED


def _say(line: str) -> None:
    print(logs.last_words(line), file=sys.stderr, flush=True)
