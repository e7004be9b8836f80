"""Phrases that readers stumble over: in documents, docstrings, comments, messages, function names."""

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")]
TOPS = ("benchmarks", "bazel", "configs", "examples", "rnascl_tf", "teachers", "tests")
CODE = [path for top in TOPS for path in (ROOT / top).rglob("*.py")]
SCRIPTS = [
    *ROOT.glob("docs/**/*.sh"),
    *ROOT.glob("bazel/*.sh"),
    ROOT / "Makefile",
    *ROOT.glob("*.toml"),
]
FILES = sorted({*DOCUMENTS, *CODE, *SCRIPTS} - {Path(__file__).resolve()})

# What to write instead.
PHRASES = {
    r"\bbehind (?:the|a|an|it|its|this|that|them|each|every|one)\b": "after",
    r"\bso many\b": "that many",
    r"\b(?:is|are) (?:no|none)\b": "is not a",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\bin turns\b|\btakes? (?:their )?turns\b": "interleaved",
    r"\b(?:has|have) not (?!been|yet|\w+(?:ed|en|un)\b)": "does not have",
    r"\b(?:is|are) to be had\b": "is available",
    r"\bgives? way to\b": "is replaced by",
    r"\bbe it\b": "whether",
    r"\bthat which\b": "what",
}
# True uses: comparisons, and what there is none of.
ALLOWED = re.compile(
    r"\b(?:is|are) no (?:less|more|worse|longer|\w+er)\b"
    r"|\b[Tt]here (?:is|are) (?:no|none)\b"
    r"|\bbehind a link\b"
)


def said(path):
    """Yields (line number, text): whole documents; of code comments, strings and functions' names."""
    text = path.read_text()
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), start=1)
        return
    kinds = (
        tokenize.COMMENT,
        tokenize.STRING,
        getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING),
    )
    before = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if before == "def":
            yield token.start[0], token.string.replace("_", " ")
        before = token.string
        if token.type in kinds:
            yield from enumerate(token.string.splitlines(), start=token.start[0])


def found(text):
    text = ALLOWED.sub("", text)
    for phrase, better in PHRASES.items():
        for match in re.finditer(phrase, text):
            yield f"{match[0]!r}: {better}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_plain_english(path):
    stumbled = [f"{number}: {what}" for number, text in said(path) for what in found(text)]
    assert not stumbled, f"{path.relative_to(ROOT)}: " + "; ".join(stumbled)


def test_names_of_functions_are_read_too(tmp_path):
    (tmp_path / "a.py").write_text("behind_the = 1\ndef what_is_no_name(): pass\n")
    assert list(said(tmp_path / "a.py")) == [(2, "what is no name")]


def test_it_tells_dialect_from_english():
    assert list(found("one behind the other, in turns")) == [
        "'behind the': after",
        "'in turns': interleaved",
    ]
    assert list(found("it has not been there; there is no file; it is no longer used")) == []
    assert list(found("the file has not the fields, and is no record")) != []
