"""What is traced as it is written."""

import pytest
import tensorflow as tf

from rnascl_tf.data import as_written


def test_a_function_is_not_rewritten():
    def sign(number):
        return 1 if number > 0 else -1

    numbers = tf.data.Dataset.from_tensor_slices([-2, 3])
    assert [int(each) for each in numbers.map(sign)] == [-1, 1]
    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError):
        numbers.map(as_written(sign))
