"""`rnascl COMMAND`: every command has its file, its line of help, and its own help."""

import sys
from pathlib import Path

import pytest

from rnascl_tf import __version__
from rnascl_tf.commands import dispatch


def test_every_file_is_a_command():
    files = Path(dispatch.__file__).parent.glob("*.py")
    named = {path.stem.replace("_", "-") for path in files} - {"--init--", "dispatch"}
    assert named == set(dispatch.COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_has_a_line_for_each_command(arguments, capsys):
    assert dispatch.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 100 for line in lines)
    for name, explanation in dispatch.COMMANDS.items():
        assert any(line.split(maxsplit=1) == [name, explanation] for line in lines)


def test_help_of_a_command_is_said_both_ways(capsys):
    assert dispatch.main(["help", "latency"]) == 0
    one = capsys.readouterr().out
    assert dispatch.main(["latency", "--help"]) == 0
    assert capsys.readouterr().out == one
    assert one.startswith("Time TFLite classifiers")


def test_arguments_come_from_the_process_where_none_are_given(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rnascl", "--version"])
    assert dispatch.main() == 0
    assert capsys.readouterr().out == f"rnascl {__version__}\n"


@pytest.mark.parametrize(
    ("name", "nearest"), [("ablte", "ablate"), ("export_teacher", "export-teacher")]
)
def test_a_misspelt_command_is_answered_with_the_nearest(name, nearest, capsys):
    assert dispatch.main([name]) == 2
    assert f"(did you mean {nearest}?)" in capsys.readouterr().err


def test_flags_without_a_command_are_of_run(capsys):
    assert dispatch.main(["--config=digits"]) == 2
    assert capsys.readouterr().err == "error: --workdir is missing: give --workdir=runs/NAME.\n"
