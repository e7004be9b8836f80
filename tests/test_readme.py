"""Commands in the documentation parse: known commands, known flags, known config keys, real files."""

import re
import shlex
from pathlib import Path

import pytest

from rnascl_tf.commands.dispatch import COMMANDS, main
from rnascl_tf.recipes import base_config

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "examples/README.md"])
SCRIPTS = sorted(ROOT.glob("docs/**/*.sh"))
# A command ends with its line, a comment, or the quote in which a scheduler's script holds it.
OURS = re.compile(r"(?:^|\s)(?:rnascl|-m rnascl_tf) (?P<arguments>[^#\n'`]+)", re.M)
FLAG = re.compile(r"(?<![\w-])--([a-z]\w*)")
# Flags of other programs in these documents.
OTHERS = {"logdir", "requeue", "override_repository"}
BLOCK = re.compile(r"^```(?:bash|yaml)\n(.*?)^```", re.M | re.S)
INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")


def blocks(path):
    text = path.read_text()
    if path.suffix == ".sh":
        text = re.sub(r"^#.*", "", text, flags=re.M)
    else:
        text = "\n".join(BLOCK.findall(text))
    return text.replace("\\\n", " ")


def commands():
    for path in (*DOCUMENTS, *SCRIPTS):
        name = path.relative_to(ROOT)
        for match in OURS.finditer(blocks(path)):
            arguments = match["arguments"].replace('"$@"', "")
            yield pytest.param(shlex.split(arguments), id=f"{name}: {' '.join(arguments.split())}")


def said(text):
    """Everything that a document puts in code, without comments in it."""
    code = [re.sub(r"#.*", "", block) for block in BLOCK.findall(text)]
    return "\n".join([*code, *INLINE.findall(re.sub(r"```.*?```", "", text, flags=re.S))])


@pytest.mark.parametrize("arguments", commands())
def test_a_command_parses(arguments, capsys):
    if arguments[0] == "launch":
        position = arguments.index("--")
        assert main([*arguments[position + 1 :], "--help"]) == 0
        arguments = arguments[:position]
    # With --help a command checks its flags and config keys, and ends.
    assert main([*arguments, "--help"]) == 0, capsys.readouterr().err
    assert "usage: rnascl" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_in_help_parse(command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out.partition("\nflags:")[0].replace("\\\n", " ")
    for example in re.findall(r"^  rnascl (.+)", text, re.M):
        assert main([*shlex.split(example), "--help"]) == 0, example


def test_a_misspelt_flag_or_key_would_be_seen():
    assert main(["attack", "--modle=x", "--help"]) == 2
    assert main(["--config=digits", "--config.search.epoch=1", "--help"]) == 2


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_config_keys_exist(path):
    text = path.read_text().replace("--config.key=value", "")
    for key in re.findall(r"--config\.([a-z][\w.]*\w)", text):
        section = base_config()
        for part in key.split("."):
            assert part in section, f"{path.name} names --config.{key}"
            section = section[part]


def known_flags(capsys):
    found = set(OTHERS)
    for command in COMMANDS:
        main([command, "--help"])
        found |= set(FLAG.findall(capsys.readouterr().out))
    found |= set(FLAG.findall((ROOT / "examples/classify.py").read_text()))
    for path in ROOT.glob("benchmarks/*.py"):
        found |= set(re.findall(r'(?:DEFINE_\w+\(\s*"|"--)(\w+)"', path.read_text()))
    return found


def test_flags_exist(capsys):
    known = known_flags(capsys)
    for path in DOCUMENTS:
        unknown = set(FLAG.findall(said(path.read_text()))) - known - {"config"}
        assert not unknown, f"{path.name} names flags that no command has"


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([\w-]+):", makefile, re.M))
    for path in (*DOCUMENTS, ROOT / ".ci/run"):
        text = path.read_text()
        text = said(text) if path.suffix == ".md" else text
        assert set(re.findall(r"(?:^|\s|`)make ([a-z][\w-]*)", text, re.M)) <= targets, path.name
