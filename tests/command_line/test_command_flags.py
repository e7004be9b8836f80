"""Flags of a command: values, help, and one line for what is wrong."""

import dataclasses

import pytest

from rnascl_tf.command_line import CommandFlags, FlagError


def command(positional=None):
    flags = CommandFlags("usage: try --this", positional)
    flags.text("out", "Folder to write to.", needed="DIR")
    flags.names("files", "Files to read.", needed="A,B")
    flags.whole("top", "How many.", 3, 1)
    flags.choice("space", "Search space", ("S3", "S5"), "S3")
    flags.numbers("std", "Per channel.")
    flags.numbers("threads", "Numbers of threads.", (1,), int)
    flags.switch("overwrite", "Again.")
    flags.repeated("vary", "Settings.")
    flags.whole("seed", "Of random starts.", 0, 0)
    return flags


GIVEN = ["--out=o", "--files=a,b"]


def test_values():
    asked = command().parse(
        [*GIVEN, "--top=7", "--space", "S5", "--std=0.5,1", "--overwrite", "--vary=a", "--vary=b"]
    )
    assert (asked.out, asked.files, asked.top, asked.space) == ("o", ["a", "b"], 7, "S5")
    assert (asked.std, asked.threads, asked.overwrite) == ((0.5, 1.0), (1,), True)
    assert asked.vary == ["a", "b"]
    assert command().parse([*GIVEN, "--std="]).std is None


def test_positional_arguments_may_come_before_flags():
    flags = command("IMAGE")
    assert flags.parse(["a.png", *GIVEN, "b.png", "--top=2"]).top == 2
    assert flags.positional == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "--out and --files are missing: give --out=DIR --files=A,B."),
        (["--out=o", "--files="], "--files is missing: give --files=A,B."),
        ([*GIVEN, "a.png"], "unexpected argument 'a.png': every option starts with --"),
        (
            [*GIVEN, "--overwite"],
            "unknown flag --overwite (did you mean --overwrite?): --help lists",
        ),
        ([*GIVEN, "--colour=red"], "unknown flag --colour: --help lists the flags."),
        ([*GIVEN, f"--{'9' * 5000}"], f"unknown flag --{'9' * 80}...: --help lists the flags."),
        ([*GIVEN, "--top=0"], "--top=0: wanted a whole number of 1 or more."),
        ([*GIVEN, "--top=1.5"], "--top=1.5: wanted a whole number of 1 or more."),
        ([*GIVEN, "--space=s3"], "--space=s3: unknown (did you mean S3?): give one of S3, S5."),
        ([*GIVEN, "--std=1, 2"], None),
        ([*GIVEN, "--std=1,b"], "--std=1,b: wanted numbers with commas, and no spaces."),
        ([*GIVEN, "--threads=1.5"], "--threads=1.5: wanted whole numbers with commas"),
        ([*GIVEN, "--overwrite=maybe"], "--overwrite=maybe"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, line):
    if line is None:
        assert command().parse(arguments).std == (1.0, 2.0)
        return
    with pytest.raises(FlagError) as raised:
        command().parse(arguments)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_positional_argument_is_named_with_the_flags():
    with pytest.raises(FlagError, match="--out, --files and IMAGE are missing: give --out=DIR"):
        command("IMAGE").parse([])


def test_help_lists_flags_in_their_order_with_defaults(capsys):
    assert command().parse(["--help"]) is None
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "usage: try --this"
    shown = [line.split(":")[0].strip() for line in lines if line.startswith("  --")]
    assert shown == [
        *("--out", "--files", "--top", "--space", "--std", "--threads", "--overwrite", "--vary"),
        *("--seed", "--log_json", "--help"),
    ]
    assert "  --top: How many. (default: 3)" in lines
    assert "  --seed: Of random starts. (default: 0)" in lines
    assert "  --space: Search space: S3, S5. (default: S3)" in lines
    assert "  --threads: Numbers of threads. (default: 1)" in lines


def test_a_request_gets_the_flags_of_its_fields_names():
    @dataclasses.dataclass(frozen=True)
    class Request:
        files: tuple[str, ...]
        top: int
        attack_budget: str

    flags = command()
    flags.parse(GIVEN)
    assert flags.fill(Request, attack_budget="quick") == Request(("a", "b"), 3, "quick")
