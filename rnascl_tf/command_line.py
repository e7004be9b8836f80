"""What every command shares: absl flags, `--help`, exit codes, one line for a user's error.

Exit codes (DESIGN section 3): 0 done, 2 the user's input was wrong, 3 a strict verdict failed, 130
interrupted, 143 terminated, 1 anything else.
absl itself ends with 1 on a flag error and prints a usage page; here it is one line and 2.
"""

import json
import logging as standard_logging
import os
import sys
import time
from pathlib import Path

import tensorflow as tf
from absl import flags, logging

from rnascl_tf.console import console
from rnascl_tf.data import data_errors
from rnascl_tf.errors import UserError
from rnascl_tf.exit_codes import EXIT_INTERRUPTED, EXIT_USER_ERROR
from rnascl_tf.files import why_unwritable
from rnascl_tf.runtime.devices import choose_devices
from rnascl_tf.runtime.errors import WorkerLostError
from rnascl_tf.runtime.stopping import StoppedError, stop_signals
from rnascl_tf.runtime.strategy_names import STRATEGIES

# Not resolved: log messages name their files as they were imported, be it through a link.
_PACKAGE = Path(__file__).parent


def new_flags():
    """Returns an empty set of flags with `--help`."""
    flag_values = flags.FlagValues()
    flags.DEFINE_bool("help", False, "Show this and end.", flag_values=flag_values, short_name="h")
    flags.DEFINE_bool(
        "log_json", False, "Log one JSON object a line, for machines.", flag_values=flag_values
    )
    return flag_values


def parse(flag_values, arguments, usage):
    """Parses arguments; returns the positional ones, or None after having printed the help.

    Args:
        flag_values: from `new_flags`, with the command's own flags added.
        arguments: the command line without the program's name.
        usage: what `--help` prints above the flags.

    Raises:
        absl.flags.Error: an unknown flag or a value of the wrong type.
    """
    positional = flag_values(["rnascl", *arguments])[1:]
    if flag_values.log_json:
        logging.get_absl_handler().setFormatter(_JsonFormatter())
    if flag_values.help:
        print(usage.strip())
        print("\nflags:")
        for name in sorted(flag_values):
            flag = flag_values[name]
            if name == flag.name and not name.startswith("config"):
                print(f"  --{name}: {flag.help}" + _default(flag))
        return None
    return positional


def parse_flags(flag_values, arguments, usage, needed=()):
    """Parses the arguments of a command that takes flags alone.

    Args:
        flag_values: from `new_flags`, with the command's own flags added.
        arguments: the command line without the program's name.
        usage: what `--help` prints above the flags.
        needed: names of flags that must be given.

    Returns:
        False after having printed the help, else True.

    Raises:
        absl.flags.Error: as `parse`, an argument that is no flag, or a needed one is missing.
    """
    positional = parse(flag_values, arguments, usage)
    if positional is None:
        return False
    if positional:
        raise flags.Error(f"{positional[0]!r} is no flag: see --help (lists take no spaces).")
    for name in needed:
        if getattr(flag_values, name) is None:
            raise flags.Error(f"--{name} is missing: see --help.")
    return True


def define_devices(flag_values, strategies=STRATEGIES):
    """Adds the flags that say which devices share a batch."""
    flags.DEFINE_enum(
        "strategy",
        "auto",
        strategies,
        "Devices that share a batch; auto: the workers of TF_CONFIG, or all GPUs, or one device.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "logical_cpus",
        0,
        "Take the CPU for so many devices, to try --strategy=mirrored without GPUs.",
        flag_values=flag_values,
    )


def devices(flag_values):
    """Returns the `Devices` that the flags of `define_devices` ask for, and says which they are.

    Raises:
        DevicesError: they are not to be had.
    """
    found = choose_devices(flag_values.strategy, flag_values.logical_cpus)
    if found.strategy is not None and found.is_chief:
        logging.info("devices: %s", found)
    return found


def be_quiet():
    """Leaves the console to another process, which says the same; errors are still shown."""
    logging.set_verbosity(logging.ERROR)
    console.quiet = True


def numbers(flag_values, name):
    """Returns the numbers of a list flag as a tuple, None if there are none.

    Raises:
        absl.flags.Error: one of them is no number.
    """
    values = getattr(flag_values, name)
    try:
        return tuple(float(value) for value in values) or None
    except ValueError as error:
        raise flags.Error(
            f"--{name}={','.join(values)} should be numbers with commas, one per channel."
        ) from error


def writable_folder(name, folder):
    """Returns the folder of a flag as a `Path`; it need not exist yet.

    Raises:
        absl.flags.Error: it cannot be made or written to.
    """
    reason = why_unwritable(folder)
    if reason is not None:
        raise flags.Error(f"--{name}={folder}: {reason}; give another folder.")
    return Path(folder)


def writable_file(name, path, suffix):
    """Returns the file of a flag as a `Path`; neither it nor its folder need exist yet.

    Raises:
        absl.flags.Error: it has another suffix, is a folder, or cannot be made or written to.
    """
    path = Path(path)
    if path.suffix != suffix or path.is_dir():
        raise flags.Error(f"--{name}={path} should be a {suffix} file.")
    writable_folder(name, path.parent)
    return path


RESUMES = "interrupted; the same command without --overwrite resumes."


def run(command, arguments, interrupted=RESUMES):
    """Runs a command and returns the exit code.

    Args:
        command: function (arguments) -> exit code, or None for 0.
        arguments: the command line without the program's name.
        interrupted: what to say of an interrupted command.
    """
    _set_up_logging()
    if "--log_json" in arguments:
        # Flags may be wrong before they are parsed, and a recipe before its flags are known.
        logging.get_absl_handler().setFormatter(_JsonFormatter())
    try:
        with stop_signals(), data_errors():
            return command(arguments) or 0
    except (UserError, flags.Error) as error:
        _say(f"error: {' '.join(str(error).split())}")
        return EXIT_USER_ERROR
    except OSError as error:
        # Folders without permission, full disks: the file system's own words say what to mend.
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


def _say(line):
    """Prints a command's last words on standard error, as JSON where the log is."""
    formatter = logging.get_absl_handler().python_handler.formatter
    if isinstance(formatter, _JsonFormatter):
        level = standard_logging.ERROR if line.startswith("error: ") else standard_logging.INFO
        message = line.removeprefix("error: ")
        line = formatter.format(
            standard_logging.LogRecord("rnascl", level, __file__, 0, message, None, None)
        )
    print(line, file=sys.stderr, flush=True)


def _set_up_logging():
    """Shows this package's messages from INFO on, and those of libraries from WARNING on."""
    flags.FLAGS(
        ["rnascl"]
    )  # absl warns in front of every message until its global flags are parsed
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    handler = logging.get_absl_handler()
    handler.setFormatter(None)
    handler.addFilter(_is_for_the_user)
    tensorflow = tf.get_logger()
    tensorflow.setLevel("WARNING")
    tensorflow.handlers.clear()  # absl's, at the root, has what its own would print once more


class _JsonFormatter(standard_logging.Formatter):
    """One line a message: time (UTC), level, message, and the `fields` that came with it."""

    def format(self, record):
        values = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        return json.dumps(values | getattr(record, "fields", {}))


def _is_for_the_user(message):
    if "triggered tf.function retracing" in str(message.msg):
        return False  # every attack is a function of its own; TensorFlow counts them by their line
    ours = Path(message.pathname).is_relative_to(_PACKAGE)
    return ours or message.levelno >= standard_logging.WARNING


def _default(flag):
    return f" (default: {flag.default})" if flag.default not in (None, "", False) else ""
