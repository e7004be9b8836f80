"""The launcher's own command line; clusters of real processes are in test_survival.py."""

import pytest

from rnascl_tf.commands.launch import main


def test_help_says_how(capsys):
    assert main(["--help"]) == 0
    assert "--workers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "arguments are missing: give them after `--`"),
        (["--workers=2", "--"], "arguments are missing"),
        (
            ["--workers=0", "--", "--config=digits"],
            "--workers=0: wanted a whole number of 1 or more",
        ),
        (["--workers=two", "--", "--config=digits"], "workers"),
        (
            ["--workers=2", "--config=digits"],
            "unknown flag --config: --help lists the flags. The main command's arguments go after `--`",
        ),
        (["--", "--config=digits", "--strategy=mirrored"], "--strategy is multi_worker here"),
    ],
)
def test_wrong_input_is_one_line(arguments, part, capsys):
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert part in shown.err
