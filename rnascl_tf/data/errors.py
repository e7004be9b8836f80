"""The package's error, and how it gets out of tf.data.

An image file can break after it was checked. What its decoding raises inside a tf.data pipeline
reaches the caller as TensorFlow's own error with a traceback in its text; here it becomes the one
line again that it was.
"""

import contextlib
import re

import tensorflow as tf

from rnascl_tf.errors import UserError


class DataError(UserError):
    """The user's data, or the wish made of it, is wrong; the message is one line with the fix."""


@contextlib.contextmanager
def data_errors():
    """Turns the error of a batch that could not be read, raised within, into the `DataError` it was.

    Other errors of TensorFlow pass as they are.

    Raises:
        DataError: an image of a batch could not be read.
    """
    try:
        yield
    except tf.errors.OpError as error:
        cause = re.search(rf"\b{DataError.__name__}: (.+)", error.message)
        if cause is None:
            raise
        raise DataError(cause[1]) from error
