"""Checks a model's input and output sizes against what the caller expects."""

from collections.abc import Sequence

from teachers.errors import TeacherError


def agreed_image_shape(
    source: object, found: Sequence[int | None], wanted: Sequence[int] | None
) -> tuple[int, int, int]:
    """Returns the (height, width, channels) that fits both model and caller.

    Args:
        source: what to call the model in messages.
        found: (height, width, channels) of the model, None where it takes any size.
        wanted: those of the caller's images; None if the caller takes any.

    Raises:
        TeacherError: a size differs, or neither gives it.
    """
    if wanted is None:
        sizes = tuple(size for size in found if size is not None)
        if len(sizes) < len(found):
            raise TeacherError(
                f"{source} takes images of {_sizes(found)}, which leaves a size free; "
                "give input_shape=(height, width, channels)."
            )
    else:
        sizes = tuple(wanted)
        fits = len(sizes) == 3 and all(
            size in (None, given) for size, given in zip(found, sizes, strict=True)
        )
        if not fits:
            raise TeacherError(
                f"{source} takes images of {_sizes(found)}, wanted {_sizes(sizes)} (height x "
                "width x channels); choose a teacher or a data set that fits."
            )
    height, width, channels = sizes
    return height, width, channels


def _sizes(shape: Sequence[int | None]) -> str:
    return "x".join("any" if size is None else str(size) for size in shape)


def require_classes(source: object, found: int, wanted: int | None) -> None:
    """Refuses a model of another number of classes than `wanted`, unless that is None.

    Raises:
        TeacherError: the numbers differ.
    """
    if wanted is not None and found != wanted:
        raise TeacherError(
            f"{source} has {found} classes, wanted {wanted}; choose a teacher trained on this "
            "data set."
        )
