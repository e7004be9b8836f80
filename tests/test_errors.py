"""The base of all errors: one line of what a library says in paragraphs."""

from rnascl_tf.errors import first_line


def test_first_line_of_a_paragraph():
    assert first_line(ValueError("\n  what went wrong \n and much more")) == "what went wrong"


def test_an_error_without_words_gives_its_kind():
    assert first_line(KeyError()) == "KeyError"


def test_long_lines_are_cut():
    assert first_line(ValueError("a" * 1000), limit=7) == "a" * 7
