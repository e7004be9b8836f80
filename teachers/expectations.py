"""Checks a model's input and output sizes against what the caller expects of it."""

from collections.abc import Sequence

from teachers.errors import TeacherError


def agreed_image_shape(
    source: object, found: Sequence[int | None], wanted: Sequence[int] | None
) -> tuple[int, int, int]:
    """Returns the (height, width, channels) on which model and caller agree.

    Args:
        source: what to call the model in messages.
        found: (height, width, channels) of the model, None where it takes any size.
        wanted: likewise of the caller's images; None if the caller takes what comes.

    Raises:
        TeacherError: a size differs, or is left open by both.
    """
    found = tuple(found)
    if wanted is not None:
        wanted = tuple(wanted)
        fits = len(wanted) == 3 and all(
            size in (None, given) for size, given in zip(found, wanted, strict=True)
        )
        if not fits:
            raise TeacherError(
                f"{source} takes images of {_sizes(found)}, wanted {_sizes(wanted)} (height x "
                "width x channels); choose a teacher or a data set that fits."
            )
        return wanted
    if None in found:
        raise TeacherError(
            f"{source} takes images of {_sizes(found)}, which leaves a size free; "
            "give input_shape=(height, width, channels)."
        )
    return found


def _sizes(shape):
    return "x".join("any" if size is None else str(size) for size in shape)


def require_classes(source: object, found: int, wanted: int | None) -> None:
    """Refuses a model whose number of classes is not the one wanted, if one is wanted.

    Raises:
        TeacherError: the numbers differ.
    """
    if wanted is not None and found != wanted:
        raise TeacherError(
            f"{source} has {found} classes, wanted {wanted}; choose a teacher trained on this "
            "data set."
        )
