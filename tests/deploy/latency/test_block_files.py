"""The TFLite files of a student's parts."""

import numpy as np

from rnascl_tf.deploy import TFLiteClassifier
from rnascl_tf.deploy.latency.block_files import block_file, stem_file, student_file, tail_file
from rnascl_tf.networks import BlockShape, SearchProblem, build_student
from tests.deploy.latency.conftest import HEADED, SHAPE, TINY


def test_files_are_the_parts_they_are_named_after(tiny):
    block = block_file(BlockShape(4, 7, 2, 2, 9, 5), "float32", "relu6")
    classifier = TFLiteClassifier(block)
    assert (classifier.input_shape, classifier.num_classes) == ((9, 5, 4), 7)
    whole = (SearchProblem(TINY, 5, SHAPE), "float32", "relu6")
    stem = TFLiteClassifier(stem_file(*whole))
    assert (stem.input_shape, stem.num_classes) == ((13, 11, 3), 4)
    tail = TFLiteClassifier(tail_file(9, *whole))
    assert (tail.input_shape, tail.num_classes) == ((4, 3, 9), 5)
    headed = TFLiteClassifier(tail_file(5, SearchProblem(HEADED, 5, SHAPE), *whole[1:]))
    assert (headed.input_shape, headed.num_classes) == ((4, 3, 5), 5)
    student = TFLiteClassifier(student_file([[7], [9]], *whole))
    images = np.random.default_rng(0).random((3, 13, 11, 3), np.float32)
    fields = {"space": "tiny", "filters": [[7], [9]], "num_classes": 5, "activation": "relu6"}
    keras_logits = build_student({**fields, "input_shape": [13, 11, 3]})(images)
    # The same seed, so the same untrained weights; float32 sums in another order.
    np.testing.assert_allclose(student.predict(images), keras_logits, atol=1e-5)
