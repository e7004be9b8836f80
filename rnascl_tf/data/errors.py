"""The room's error, and how it gets out of tf.data.

An image file can break after it was checked. If its decoding then raises in a tf.data pipeline, the
caller gets TensorFlow's own error with a traceback in its text; `data_errors` turns that back into the
one line that was raised.
"""

import contextlib
import re
import sys
from collections.abc import Iterator

from rnascl_tf.errors import UserError


class DataError(UserError):
    """The user's data, or a request about it, is wrong; the message is one line with the fix."""


@contextlib.contextmanager
def data_errors() -> Iterator[None]:
    """Turns TensorFlow's error about a batch that could not be read into the `DataError` it was.

    Other errors pass unchanged.

    Raises:
        DataError: an image of a batch could not be read.
    """
    try:
        yield
    except Exception as error:
        # Not imported: a process without TensorFlow has none of its errors, and should stay light.
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is None or not isinstance(error, tensorflow.errors.OpError):
            raise
        cause = re.search(rf"\b{DataError.__name__}: (.+)", error.message)
        if cause is None:
            raise
        raise DataError(cause[1]) from error
