"""What documents and comments point at is there: headings, files, modules, anchors."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("benchmarks", "configs", "docs", "examples", "rnascl_tf", "teachers", "tests", "bazel")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
CODE = sorted(
    path
    for top in TOPS
    for pattern in ("*.py", "*.pyi", "*.sh", "*.bzl", "BUILD")
    for path in (ROOT / top).rglob(pattern)
)
SETTINGS = [ROOT / name for name in ("Makefile", "pyproject.toml", "setup.py", "BUILD", ".ci/run")]
THIS = Path(__file__).resolve()
# Made when they are needed; and former places of layers, which files of old runs name.
MADE = {"benchmarks/latest.json", "rnascl_tf.recipes.shipped"}
FORMER = {"teachers.normalization", "teachers.constant_layers", "teachers.moving_layers"}
HISTORY = ROOT / "CHANGELOG.md"

HEADING = re.compile(r'(docs/\w+\.md), "([^"]+)"')
# Notes of those who have written the code, which no reader has.
ELSEWHERE = re.compile(r"\bDESIGN\b|\b[Ii]ssues? \d")
FILE = re.compile(rf"(?<![\w./-])(?:{'|'.join(TOPS)})/[\w/.-]+\.(?:pyi?|md|sh|json|keras|png)\b")
FOLDER = re.compile(rf"`((?:{'|'.join(TOPS)})/(?:[\w.-]+/)*)`")
MODULE = re.compile(
    r"(?<![\w/.-])(?:rnascl_tf|teachers|benchmarks)(?:\.[A-Za-z]\w*)+(?!\.?[\w/(]*\.py)"
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def ids(path):
    return str(path.relative_to(ROOT))


def prose(path):
    """A document's text, or the comments and strings of code, without line breaks."""
    text = path.read_text()
    if path.suffix in (".py", ".pyi"):
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        kinds = (tokenize.COMMENT, tokenize.STRING, tokenize.NEWLINE)
        text = "\n".join(token.string for token in tokens if token.type in kinds)
    return re.sub(r"\s*\n\s*#?\s*", " ", text)


def headings(path):
    return re.findall(r"^#+ (.+)$", path.read_text(), re.M)


def anchor(heading):
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", [*DOCUMENTS, *CODE, *SETTINGS], ids=ids)
def test_references_lead_somewhere(path):
    if path == THIS:
        return
    text = prose(path)
    for document, heading in HEADING.findall(text):
        assert heading in headings(ROOT / document), f"{document} has no heading {heading!r}"
    assert not ELSEWHERE.findall(text), "readers have only what is in the repository"
    if path == HISTORY:
        return
    for name in FILE.findall(text):
        assert (ROOT / name).exists() or name in MADE or "NAME" in name, f"there is no {name}"
    if (ROOT / "tests") in path.parents:
        return  # tests make modules of their own
    for name in MODULE.findall(text):
        assert is_there(name) or name in MADE | FORMER, f"there is no {name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_links_and_folders_exist(path):
    text = path.read_text()
    for link in LINK.findall(text):
        if "://" in link:
            continue
        name, _, fragment = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), f"{link} leads nowhere"
        if fragment:
            assert fragment in map(anchor, headings(target)), f"{link} has no such heading"
    for folder in FOLDER.findall(text):
        assert (ROOT / folder).is_dir(), f"there is no {folder}"


def is_there(dotted):
    """Whether a dotted name is a module, or a name that a module or its stub defines."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        files = [place.with_suffix(".py"), place / "__init__.py", place / "__init__.pyi"]
        files = [file for file in files if file.is_file()]
        if files:
            rest = parts[length:]
            return not rest or any(rest[0] in defined(file) for file in files)
    return False


def defined(file):
    """The names at the top of a file."""
    names = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {
                name.id for t in targets for name in ast.walk(t) if isinstance(name, ast.Name)
            }
    return names


def test_it_can_tell_what_is_missing():
    assert is_there("rnascl_tf.networks.SEARCH_SPACES")
    assert is_there("rnascl_tf.networks.search_space")
    assert not is_there("rnascl_tf.networks.no_such_name")
    assert not is_there("rnascl_tf.no_such_room.module")
    assert anchor("To the edge: 8-bit") == "to-the-edge-8-bit"
