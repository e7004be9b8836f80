import pytest

from teachers.errors import TeacherError
from teachers.expectations import agreed_image_shape, require_classes


@pytest.mark.parametrize(
    ("found", "wanted"),
    [((5, 7, 3), None), ((5, 7, 3), [5, 7, 3]), ((None, None, 3), (5, 7, 3))],
)
def test_agreement(found, wanted):
    assert agreed_image_shape("model", found, wanted) == (5, 7, 3)


@pytest.mark.parametrize("wanted", [(7, 5, 3), (5, 7, 1), (5, 7), (1, 5, 7, 3)])
def test_other_sizes_are_refused(wanted):
    spelled = "x".join(map(str, wanted))
    with pytest.raises(TeacherError, match=f"takes images of 5x7x3, wanted {spelled} "):
        agreed_image_shape("model", (5, 7, 3), wanted)


def test_an_open_size_must_be_given():
    with pytest.raises(TeacherError, match=r"anyxanyx3.*give input_shape"):
        agreed_image_shape("model", (None, None, 3), None)


def test_classes():
    require_classes("model", 10, None)
    require_classes("model", 10, 10)
    with pytest.raises(TeacherError, match="model has 10 classes, wanted 100"):
        require_classes("model", 10, 100)
