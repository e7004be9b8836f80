import re

import hypothesis
from hypothesis import strategies

from teachers.taps.names import unique_names


def test_names_of_exporters():
    raw = ["/body/layers.0/conv1/Conv", "Conv_5", "a:0", "a.0", "ä", ""]
    assert unique_names(raw) == [
        *("body_layers_0_conv1_Conv", "Conv_5", "a_0", "a_0_2"),
        *("unnamed", "unnamed_2"),
    ]


def test_taken_names_are_not_given_out():
    assert unique_names(["images", "images"], taken=["images"]) == ["images_2", "images_3"]


@hypothesis.given(strategies.lists(strategies.text(alphabet="ab_/:2", max_size=4), max_size=12))
def test_names_are_clean_unique_and_stable(raw):
    names = unique_names(raw)
    assert len(set(names)) == len(raw)
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", name) for name in names)
    assert unique_names(raw[:5]) == names[:5]
