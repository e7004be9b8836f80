"""Imports point one way, and docs/design.md, "The house", lists the rooms in that order."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Every room may import itself and those above it in this list.
ORDER = [
    "rnascl_tf",  # what `import rnascl_tf` runs: environment, registration
    "rnascl_tf.errors",
    "rnascl_tf.spelling",
    "rnascl_tf.exit_codes",
    "rnascl_tf.console",
    "rnascl_tf.files",
    "rnascl_tf.runtime",
    "rnascl_tf.recipes",
    "rnascl_tf.record",
    "rnascl_tf.layers",
    "teachers",
    "rnascl_tf.data",
    "rnascl_tf.networks",
    "rnascl_tf.objectives",
    "rnascl_tf.robustness",
    "rnascl_tf.training",
    "rnascl_tf.deploy",
    "rnascl_tf.model_files",
    "rnascl_tf.report",
    "rnascl_tf.runs",
    "rnascl_tf.stages",
    "rnascl_tf.pipeline",
    "rnascl_tf.ablation",
    "rnascl_tf.jobs",
    "rnascl_tf.command_line",
    "rnascl_tf.commands",
    "rnascl_tf.__main__",
]
# In the design a room is a line of its own, a folder inside a room is indented.
LISTED = re.compile(r"^( *)((?:rnascl_tf|teachers)[\w/.]*) +\S")
# One idea of the folder above.
NOT_LISTED = re.compile(r"teachers/(onnx_import|onnx_export|pytorch)/\w+/$")
FILES = sorted([*ROOT.glob("rnascl_tf/**/*.py"), *ROOT.glob("teachers/**/*.py")])


def room(module):
    """The entry of ORDER that a dotted module belongs to, or None for a library's."""
    parts = module.split(".")
    if parts[0] == "teachers":
        return "teachers"
    return ".".join(parts[:2]) if parts[0] == "rnascl_tf" else None


def imported(path):
    """Yields the dotted modules that a file imports, those of `import_module("...")` too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", "") == "import_module"
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.args[0].value
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module == "rnascl_tf":
                for alias in node.names:
                    is_module = (ROOT / "rnascl_tf" / alias.name).is_dir() or (
                        ROOT / "rnascl_tf" / f"{alias.name}.py"
                    ).is_file()
                    yield f"rnascl_tf.{alias.name}" if is_module else "rnascl_tf"
            else:
                yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts == ("rnascl_tf", "__init__"):
        # It runs before everything. What Keras must know of is imported when Keras is, by name.
        registered = {"rnascl_tf.layers", "teachers.layers"}
        assert {m for m in imported(path) if room(m)} == {"rnascl_tf.runtime"} | registered
        return
    own = room(".".join(parts))
    for module in imported(path):
        other = room(module)
        if other is not None:
            assert ORDER.index(other) <= ORDER.index(own), f"{own} imports {module}"


def test_every_room_has_its_place():
    found = {room(".".join(p.relative_to(ROOT).with_suffix("").parts)) for p in FILES}
    assert found - {"rnascl_tf.__init__"} | {"rnascl_tf"} == set(ORDER)


def test_no_library_file_is_long_or_unnamed():
    for path in FILES:
        lines = path.read_text().count("\n")
        assert lines <= 300, f"{path.relative_to(ROOT)} has {lines} lines: one idea per file"
        assert path.stem not in ("utils", "helpers", "common", "misc")


def listed():
    section = (ROOT / "docs/design.md").read_text().split("## The house")[1].split("\n## ")[0]
    return [match for line in section.splitlines() if (match := LISTED.match(line))]


def test_the_design_lists_the_rooms_in_this_order():
    rooms = [match[2].rstrip("/").removesuffix(".py") for match in listed() if not match[1]]
    assert [room.removesuffix("/__init__").replace("/", ".") for room in rooms] == ORDER


def test_the_design_lists_every_folder():
    known = {match[2] for match in listed()}
    assert [path for path in known if not (ROOT / path).exists()] == []
    folders = {f"{path.parent.relative_to(ROOT)}/" for path in FILES if path.stem == "__init__"}
    assert {folder for folder in folders if not NOT_LISTED.match(folder)} - {"rnascl_tf/"} <= known
