"""Image files from a user's disk, as uint8 images of the size that a network takes."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rnascl_tf.data.dataset import DataError

# What Pillow's decoders raise on broken files, beside OSError (missing, truncated, unknown).
_BROKEN = (SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error, zlib.error)


def read_images(paths, input_shape):
    """Reads image files.

    The camera's EXIF orientation is undone, transparency laid over white, gray repeated, and the
    result resized bilinearly to the wanted size, whatever its aspect ratio. An animation gives its
    first frame.

    Args:
        paths: one or more paths of files that Pillow reads.
        input_shape: (height, width, 3) wanted.

    Returns:
        uint8 [n, height, width, 3], 0..255.

    Raises:
        DataError: no path, another number of channels, or a file that is missing, not an image,
            truncated, or so large that decoding it could fill the memory.
    """
    height, width, channels = input_shape
    if channels != 3:
        raise DataError(f"images are read as RGB, but {channels} channels are wanted.")
    if not paths:
        raise DataError("no image file given: name at least one.")
    return np.stack([_read(Path(path), (width, height)) for path in paths])


def _read(path, size):
    try:
        with warnings.catch_warnings():
            # Pillow only warns up to twice its limit; both are refused here.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image)
                return np.asarray(_rgb(upright).resize(size, Image.Resampling.BILINEAR))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"{path} has too many pixels to decode safely: make it smaller.") from error
    except (OSError, *_BROKEN) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read as an image ({reason}).") from error


def _rgb(image):
    """Returns an image in RGB, 8 bits a channel, what is transparent in it white."""
    if image.mode.startswith("I;16"):
        # Pillow clips 16-bit gray to 255 when it converts it.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        colors = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, colors).convert("RGB")
    return image.convert("RGB")
