"""docs/design.md lists the rooms that there are, in the order in which imports may point."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# A room is a line of its own, a folder inside one is indented.
ENTRY = re.compile(r"^( *)((?:rnascl_tf|teachers)[\w/.]*) +\S")


def listed():
    section = (ROOT / "docs/design.md").read_text().split("## The house")[1].split("\n## ")[0]
    return [match for line in section.splitlines() if (match := ENTRY.match(line))]


def module(path):
    dotted = path.rstrip("/").removesuffix(".py").replace("/", ".")
    return dotted.removesuffix(".__init__")


def test_the_rooms_are_those_of_the_layering_test():
    tree = ast.parse((ROOT / "tests/test_layering.py").read_text())
    (order,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "ORDER"
    )
    assert [module(match[2]) for match in listed() if not match[1]] == order


def test_every_listed_path_exists():
    assert [match[2] for match in listed() if not (ROOT / match[2]).exists()] == []


def test_every_folder_of_code_is_listed():
    folders = {
        f"{path.parent.relative_to(ROOT)}/"
        for top in ("rnascl_tf", "teachers")
        for path in (ROOT / top).glob("*/**/__init__.py")
    }
    known = {match[2] for match in listed()}
    # The table of operators is one idea of its parent.
    inside = re.compile(r"teachers/(onnx_import|onnx_export|pytorch)/\w+/$")
    assert {folder for folder in folders if not inside.match(folder)} <= known
