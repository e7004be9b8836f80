"""Imports point one way (DESIGN section 2), and `teachers` knows nothing of `rnascl_tf`."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Every package may import itself and those to its left.
ORDER = [
    "rnascl_tf.atomic",
    "rnascl_tf.json_files",
    "rnascl_tf.array_files",
    "rnascl_tf.stopping",
    "rnascl_tf.workers",
    "rnascl_tf.devices",
    "teachers",
    "rnascl_tf.layers",
    "rnascl_tf.data",
    "rnascl_tf.networks",
    "rnascl_tf.objectives",
    "rnascl_tf.robustness",
    "rnascl_tf.training",
    "rnascl_tf.deploy",
    "rnascl_tf.report",
    "rnascl_tf.recipes",
    "rnascl_tf.stages",
    "rnascl_tf.command_line",
    "rnascl_tf.recipe_flags",
    "rnascl_tf.assessment",
    "rnascl_tf.predict",
    "rnascl_tf.ablation",
    "rnascl_tf.ablate",
    "rnascl_tf.launch",
    "rnascl_tf.__main__",
]
# Commands stand above all packages, also where they lie in one of them: nothing imports them.
COMMANDS = [
    "teachers.import_onnx",
    "teachers.export_torch",
    "rnascl_tf.deploy.latency",
    "rnascl_tf.deploy.latency_table",
]
FILES = sorted([*ROOT.glob("rnascl_tf/**/*.py"), *ROOT.glob("teachers/**/*.py")])


def package(module):
    """The entry of ORDER that a dotted module belongs to, or None for a library's."""
    parts = module.split(".")
    name = parts[0] if parts[0] == "teachers" else ".".join(parts[:2])
    return name if parts[0] in ("teachers", "rnascl_tf") else None


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module == "rnascl_tf":
                yield from (f"rnascl_tf.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_to_the_left(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts == ("rnascl_tf", "__init__"):
        return  # the package itself names its public parts
    own = package(".".join(parts))
    if parts[-1] == "__main__" or ".".join(parts) in COMMANDS:
        own = "rnascl_tf.__main__"
    for module in imported(path):
        other = package(module)
        if other is None:
            continue
        if own == "teachers":
            assert other == "teachers", f"teachers imports {module}"
        assert ORDER.index(other) <= ORDER.index(own), f"{own} imports {module}"


def test_nothing_imports_an_entry_point():
    for path in FILES:
        commands = [m for m in imported(path) if m.endswith("__main__") or m in COMMANDS]
        assert not commands, f"{path} imports {commands}"


def test_no_library_file_is_long_or_unnamed():
    for path in FILES:
        lines = path.read_text().count("\n")
        assert lines <= 300, f"{path.relative_to(ROOT)} has {lines} lines: one idea per file"
        assert path.stem not in ("utils", "helpers", "common", "misc")
