import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.data.errors import DataError, data_errors


def failing(error):
    def read(row):
        raise error

    rows = tf.data.Dataset.range(3)
    return rows.map(lambda row: tf.numpy_function(read, [row], tf.uint8), num_parallel_calls=2)


def test_a_data_error_comes_out_of_tf_data_as_it_was():
    message = "/images/cat: DataError/7.png cannot be read (why?): remove it."
    with pytest.raises(DataError) as caught, data_errors():
        list(failing(DataError(message)))
    assert str(caught.value) == message


@pytest.mark.parametrize("error", [ValueError("other"), RuntimeError("another")])
def test_other_errors_stay(error):
    with pytest.raises(tf.errors.OpError), data_errors():
        list(failing(error))


def test_what_tensorflow_did_not_touch_stays():
    with pytest.raises(DataError, match=r"^plain$"), data_errors():
        raise DataError("plain")
    with data_errors():
        np.zeros(3)
