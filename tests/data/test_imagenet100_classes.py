import re

from rnascl_tf.data.imagenet100_classes import WORDNET_IDS


def test_a_hundred_wordnet_ids_in_their_order():
    assert len(set(WORDNET_IDS)) == 100
    assert list(WORDNET_IDS) == sorted(WORDNET_IDS)
    assert all(re.fullmatch(r"n\d{8}", name) for name in WORDNET_IDS)
