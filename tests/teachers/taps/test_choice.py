import pytest

from teachers.errors import TeacherError
from teachers.taps.choice import choose_taps

NAMES = ("stem", "block1_conv", "block1_shortcut", "block2_conv")


def test_choices():
    shortcuts = {"block1_shortcut"}
    assert choose_taps(NAMES, shortcuts, "all") == NAMES
    assert choose_taps(NAMES, shortcuts, "main") == ("stem", "block1_conv", "block2_conv")
    assert choose_taps(NAMES, shortcuts, r"^block1") == ("block1_conv", "block1_shortcut")


@pytest.mark.parametrize(("taps", "reason"), [("(", "regular expression"), ("x", "matches none")])
def test_useless_expressions_are_refused(taps, reason):
    with pytest.raises(TeacherError, match=reason):
        choose_taps(NAMES, set(), taps)
