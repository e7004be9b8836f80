"""Short layer names: unique where the long ones were, and the removed part is named."""

from hypothesis import given
from hypothesis import strategies as st

from rnascl_tf.report.figure import without_shared_parts

WORDS = st.lists(st.sampled_from(["body", "conv", "0", "1", "expand"]), min_size=1, max_size=5)


def test_shared_words_go():
    names = ["body_layers_0_conv1_Conv", "body_layers_1_conv2_Conv", "body_conv1_Conv"]
    assert without_shared_parts(names) == (
        ["layers_0_conv1", "layers_1_conv2", "conv1"],
        "body_*_Conv",
    )


def test_nothing_shared_and_a_single_word_stay():
    assert without_shared_parts(["stem", "stage1_expand"]) == (["stem", "stage1_expand"], "")
    assert without_shared_parts(["a_b_c"]) == (["c"], "a_b_*")
    assert without_shared_parts([]) == ([], "")


@given(st.lists(WORDS.map("_".join), min_size=1, max_size=6))
def test_pattern_and_short_name_make_the_long_one_again(names):
    short, pattern = without_shared_parts(names)
    assert all(short)
    assert [pattern.replace("*", name) if pattern else name for name in short] == names
