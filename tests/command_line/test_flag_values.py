"""How the text of a flag is read."""

import pytest

from rnascl_tf.command_line.flag_values import Choice, Numbers, WholeNumber


def test_values():
    assert WholeNumber(1).parse("7") == 7
    assert WholeNumber(None).parse("-7") == -7
    assert WholeNumber(0).parse(0) == 0
    assert Choice(("S3", "S5")).parse("S5") == "S5"
    assert Numbers(float).parse("0.5,1") == (0.5, 1.0)
    assert Numbers(int).parse((1, 2)) == (1, 2)
    assert Numbers(int).parse("") is None
    assert Numbers(int).parse(None) is None


@pytest.mark.parametrize(
    ("parser", "text", "message"),
    [
        (WholeNumber(1), "0", "a whole number of 1 or more"),
        (WholeNumber(None), "1.5", "a whole number."),
        (Choice(("float32", "int8")), "int4", "did you mean int8"),
        (Choice(("float32", "int8")), "int4", "give one of float32, int8"),
        (Numbers(int), "1,2.5", "whole numbers with commas"),
        (Numbers(float), "1, x", "numbers with commas"),
    ],
)
def test_another_text_is_answered_with_what_was_wanted(parser, text, message):
    with pytest.raises(ValueError, match=message):
        parser.parse(text)
