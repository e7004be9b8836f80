"""Image files from a user's disk, as RGB images with 8 bits a channel.

The EXIF orientation is applied, transparent images are laid over white, gray is repeated three times,
16-bit gray is scaled to 8 bits, palettes and CMYK become RGB, and an animation gives its first frame.
32-bit pixels are refused, because a file does not say which range they have.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.resized_crop import central_crop

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
"""Suffixes of the files that are looked for in folders, in lower case."""

# What Pillow's decoders raise on broken files, besides OSError (missing, truncated, unknown).
_BROKEN = (SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error, zlib.error)
_END_MARKERS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


Result = TypeVar("Result")


def read_images(
    paths: Sequence[str | Path], input_shape: Sequence[int], margin: float = 1.0
) -> np.ndarray:
    """Reads image files for a network: converted as above, resized, the centre cut out.

    Args:
        paths: one or more files that Pillow reads.
        input_shape: (height, width, 3) wanted.
        margin: see `resized_crop.central_crop`.

    Returns:
        uint8 [n, height, width, 3], 0..255.

    Raises:
        DataError: there is no path, the channels are not 3, or `open_image` refuses a file.
    """
    height, width, channels = input_shape
    if channels != 3:
        raise DataError(f"images are read as RGB, but {channels} channels are wanted.")
    if not paths:
        raise DataError("no image file given: name at least one.")
    size = (height, width)
    return np.stack([np.asarray(central_crop(open_image(path), size, margin)) for path in paths])


def open_image(path: str | Path) -> Image.Image:
    """Returns a file's image in its own size, in RGB.

    Raises:
        DataError: the file is missing, not an image, truncated, of a kind refused above, or so
            large that decoding it could fill the memory.
    """
    return _reading(path, _decoded)


def check_image(path: str | Path) -> None:
    """Checks that `open_image` can read a file, at a small part of its cost.

    The header is read. A JPEG or PNG file that ends with its format's end marker counts as whole;
    any other is decoded. A file that passes may still hold damaged pixels.

    Raises:
        DataError: as `open_image`.
    """
    _reading(path, _checked)


def _reading(path: str | Path, read: Callable[[Path, Image.Image], Result]) -> Result:
    path = Path(path)
    try:
        with Image.open(path) as image:
            # Pillow itself only warns up to twice its limit.
            limit = Image.MAX_IMAGE_PIXELS
            if limit is not None and image.width * image.height > limit:
                raise Image.DecompressionBombError
            return read(path, image)
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{path} has too many pixels to decode safely: make it smaller.") from error
    except (OSError, *_BROKEN) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise DataError(
            f"{path} cannot be read as an image ({reason}): replace or remove it."
        ) from error


def _decoded(path: Path, image: Image.Image) -> Image.Image:
    return _rgb(path, ImageOps.exif_transpose(image))


def _checked(path: Path, image: Image.Image) -> None:
    marker = _END_MARKERS.get(image.format or "")
    if marker is None or not _tail(path).endswith(marker):
        _decoded(path, image)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-min(16, path.stat().st_size), 2)
        return file.read()


def _rgb(path: Path, image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F"):
        raise DataError(
            f"{path} has 32 bits a pixel, whose range is not known: save it with 8 or 16."
        )
    if image.mode.startswith("I;16"):
        # Pillow clips 16-bit gray to 255 when it converts it.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        colors = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, colors).convert("RGB")
    return image.convert("RGB")
