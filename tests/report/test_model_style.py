"""Models without a style of their own share one."""

import dataclasses

from rnascl_tf.report.model_style import BLUE, ModelStyle, style_of


def test_own_and_shared():
    own = ModelStyle("student + X", BLUE, "#004B78", "s", origin="trained by X")
    assert style_of({"x": own}, "x") is own
    first, second = style_of({"x": own}, "mine"), style_of({}, "yours")
    assert (first.title, second.title) == ("mine", "yours")
    assert dataclasses.replace(first, title="yours") == second
    assert first.color != own.color
