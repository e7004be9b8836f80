"""Arguments of the main command after `--`; what a user sees of it is in test_launch.py."""

import pytest

from rnascl_tf.command_line import FlagError, ForwardingFlags


@pytest.fixture
def command():
    flags = ForwardingFlags("usage", {"strategy": "fixed"})
    flags.whole("workers", "A number.", 2, 1)
    return flags


def test_only_what_comes_before_the_first_double_dash_is_parsed(command):
    parsed = command.parse(["--workers=3", "--", "--config=a", "--workers=7", "--", "x"])
    assert parsed.workers == 3
    assert command.forwarded == ["--config=a", "--workers=7", "--", "x"]


def test_help_needs_no_arguments(command, capsys):
    assert command.parse(["--help"]) is None
    assert "--workers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers=3"], "give them after `--`"),
        (["--workers=3", "--"], "give them after `--`"),
        (["x", "--", "y"], "unexpected argument 'x'.* go after `--`"),
        (["--", "-strategy=other"], "--strategy is fixed here"),
        (["--", "--strategy", "other"], "--strategy is fixed here"),
    ],
)
def test_refusals(command, arguments, message):
    with pytest.raises(FlagError, match=message):
        command.parse(arguments)
