"""Which store is whose: a store of another teacher, seed or augmentation is named, never read."""

import json

import pytest

from rnascl_tf.data import DataError
from rnascl_tf.training.teacher_signals.identity import differences, folder_of, nearest_store

IDENTITY = {"teacher": "0123456789abcdef" * 4, "seed": 3, "data": {"flip": True, "crop_padding": 4}}


def keep(folder, identity):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "identity.json").write_text(json.dumps(identity))


def test_every_identity_has_a_folder_of_its_own(tmp_path):
    other = IDENTITY | {"seed": 5}
    folders = {folder_of(tmp_path, each) for each in (IDENTITY, other)}
    assert len(folders) == 2
    assert {folder.parent for folder in folders} == {tmp_path}
    for each in (IDENTITY, other):
        keep(folder_of(tmp_path, each), each)
    reordered = dict(reversed(IDENTITY.items()))
    assert folder_of(tmp_path, reordered) == folder_of(tmp_path, IDENTITY)


def test_the_folder_of_a_store_itself_is_taken(tmp_path):
    keep(tmp_path / "mine", IDENTITY)
    assert folder_of(tmp_path / "mine", IDENTITY) == tmp_path / "mine"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"teacher": "f" * 64}, r"teacher was ffffffffffff\.\.\., is 0123456789ab\.\.\."),
        ({"seed": 7}, "seed was 7, is 3"),
        ({"data": {"flip": True, "crop_padding": 2}}, "data.crop_padding was 2, is 4"),
        ({"data": {"flip": True}}, "data.crop_padding was not set, is 4"),
        ({"precision": "bfloat16"}, "precision was bfloat16, is not set"),
    ],
)
def test_a_store_of_another_identity_is_named_with_what_differs(tmp_path, change, named):
    keep(tmp_path, IDENTITY | change)
    with pytest.raises(
        DataError, match=f"another teacher or of other images: .*{named}.*Remove it"
    ) as error:
        folder_of(tmp_path, IDENTITY)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_store_that_was_put_in_the_place_of_another_is_named(tmp_path):
    keep(folder_of(tmp_path, IDENTITY), IDENTITY | {"seed": 9})
    with pytest.raises(DataError, match="seed was 9, is 3"):
        folder_of(tmp_path, IDENTITY)


def test_a_damaged_identity_is_named(tmp_path):
    (tmp_path / "identity.json").write_text("{")
    with pytest.raises(DataError, match=r"identity\.json is damaged"):
        folder_of(tmp_path, IDENTITY)


def test_the_nearest_other_store_is_found(tmp_path):
    assert nearest_store(tmp_path, IDENTITY) is None
    keep(tmp_path / "a", IDENTITY | {"seed": 7, "teacher": "other"})
    keep(tmp_path / "b", IDENTITY | {"seed": 7})
    keep(tmp_path / "c", IDENTITY)
    assert nearest_store(tmp_path, IDENTITY) == (tmp_path / "b", ["seed was 7, is 3"])


def test_equal_identities_do_not_differ():
    assert differences(IDENTITY, json.loads(json.dumps(IDENTITY))) == []
