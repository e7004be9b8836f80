import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies
from onnx import helper

import teachers


def convolution(**attributes):
    return helper.make_node(
        "Conv", ["features", "kernel", "bias"], ["result"], "conv", **attributes
    )


def weights(generator, filters, channels_per_group, size):
    return {
        "kernel": generator.standard_normal((filters, channels_per_group, *size), np.float32),
        "bias": generator.standard_normal(filters, np.float32),
    }


@pytest.mark.parametrize(
    "attributes",
    [
        {},  # every attribute left to its default
        {"kernel_shape": [3, 2], "pads": [1, 0, 1, 0]},
        {"pads": [1, 2, 0, 3], "strides": [2, 3]},
        {"dilations": [2, 3], "pads": [2, 0, 2, 3]},
        {"dilations": [2, 1], "strides": [1, 2], "pads": [0, 1, 2, 0]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 3]},
        {"auto_pad": "VALID", "strides": [2, 1]},
    ],
)
def test_dense_convolution(attributes, write_classifier, assert_agrees, generator):
    path = write_classifier([convolution(**attributes)], weights(generator, 2, 5, (3, 2)))
    assert_agrees(path)


@pytest.mark.parametrize(
    "attributes",
    [
        {"pads": [1, 1, 1, 1]},
        {"strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"strides": [2, 3], "pads": [1, 0, 1, 2]},
        {"dilations": [2, 2], "strides": [2, 2]},
        {"dilations": [2, 3]},
    ],
)
@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise_convolution(attributes, multiplier, write_classifier, assert_agrees, generator):
    path = write_classifier(
        [convolution(group=5, **attributes)], weights(generator, 5 * multiplier, 1, (3, 3))
    )
    teacher = assert_agrees(path)
    assert type(teacher.model.get_layer("conv")).__name__ == "DepthwiseConv2D"


@pytest.mark.parametrize("strides", [[1, 1], [2, 3]])
def test_grouped_convolution_and_its_gradient(
    strides, write_classifier, assert_agrees, generator, images
):
    widen = helper.make_node("Conv", ["features", "wide_kernel"], ["wide"], "widen")
    grouped = helper.make_node(
        "Conv",
        ["wide", "kernel"],
        ["result"],
        "grouped",
        group=2,
        pads=[1, 1, 1, 1],
        strides=strides,
    )
    path = write_classifier(
        [widen, grouped],
        {
            "wide_kernel": generator.standard_normal((6, 5, 1, 1), np.float32),
            "kernel": generator.standard_normal((4, 3, 3, 3), np.float32),
        },
    )
    teacher = assert_agrees(path)

    @tf.function
    def gradient(batch):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            total = tf.reduce_sum(teacher.classifier(batch, training=False))
        return tape.gradient(total, batch)

    assert np.abs(gradient(tf.constant(images)).numpy()).max() > 0


@hypothesis.settings(
    max_examples=20,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
    size=strategies.tuples(strategies.integers(1, 4), strategies.integers(1, 4)),
    strides=strategies.tuples(strategies.integers(1, 3), strategies.integers(1, 3)),
    dilations=strategies.tuples(strategies.integers(1, 2), strategies.integers(1, 2)),
    pads=strategies.tuples(*[strategies.integers(0, 2)] * 4),
    depthwise=strategies.booleans(),
)
def test_any_geometry(
    size, strides, dilations, pads, depthwise, write_classifier, assert_agrees, generator
):
    attributes = {"strides": strides, "dilations": dilations, "pads": pads}
    group = 5 if depthwise else 1
    path = write_classifier(
        [convolution(group=group, **attributes)], weights(generator, 5, 5 // group, size)
    )
    assert_agrees(path)


@pytest.mark.parametrize("opset", [9, 17])
def test_batch_normalization_reads_epsilon_and_its_default(
    opset, write_classifier, assert_agrees, generator
):
    # A variance of the size of epsilon makes a wrong epsilon visible.
    statistics = {
        "scale": generator.standard_normal(5, np.float32),
        "offset": generator.standard_normal(5, np.float32),
        "mean": generator.standard_normal(5, np.float32),
        "variance": np.float32([1e-5, 2e-5, 3e-3, 1, 2]),
    }
    names = ["scale", "offset", "mean", "variance"]
    path = write_classifier(
        [
            helper.make_node("BatchNormalization", ["features", *names], ["middle"], "default"),
            helper.make_node(
                "BatchNormalization", ["middle", *names], ["result"], "given", epsilon=1e-3
            ),
        ],
        statistics,
        opset=opset,
    )
    assert_agrees(path)


def test_batch_normalization_in_training_mode_is_refused(write_onnx, generator):
    names = ["scale", "offset", "mean", "variance"]
    path = write_onnx(
        [
            helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
            helper.make_node(
                "BatchNormalization",
                ["features", *names],
                ["logits", "new_mean", "new_variance"],
                "bn1",
                training_mode=1,
            ),
        ],
        {"kernel": np.ones((5, 3, 1, 1), np.float32)} | {n: np.ones(5, np.float32) for n in names},
        ["batch", 3, 7, 11],
    )
    with pytest.raises(teachers.TeacherError, match=r"bn1 \(BatchNorm.*evaluation mode"):
        teachers.load_onnx(path)


@pytest.mark.parametrize(
    ("kernel_shape", "attributes", "reason"),
    [
        ((5, 3, 3), {}, "four axes"),
        ((5, 2, 1, 1), {}, "does not fit 3 input channels"),
        ((5, 3, 1, 1), {"kernel_shape": [3, 3]}, "contradicts"),
        ((5, 3, 1, 1), {"strides": [2]}, "not two-dimensional"),
        ((5, 3, 1, 1), {"pads": [0, -1, 0, 0]}, "not negative"),
        ((5, 3, 1, 1), {"dilations": [1, 10**9]}, "over 16384 pixels"),
        ((5, 3, 13, 13), {}, "does not fit its inputs"),
        ((5, 3, 1, 1), {"auto_pad": "SOMEHOW"}, "SOMEHOW"),
    ],
)
def test_convolutions_that_do_not_fit_are_refused(kernel_shape, attributes, reason, write_onnx):
    path = write_onnx(
        [helper.make_node("Conv", ["images", "kernel"], ["logits"], "odd", **attributes)],
        {"kernel": np.ones(kernel_shape, np.float32)},
        ["batch", 3, 7, 11],
    )
    with pytest.raises(teachers.TeacherError, match=f"odd.*{reason}") as failure:
        teachers.load_onnx(path)
    assert "\n" not in str(failure.value)


def test_a_computed_kernel_is_refused(write_onnx):
    path = write_onnx(
        [
            helper.make_node("Conv", ["images", "kernel"], ["features"], "stem"),
            helper.make_node("Conv", ["features", "features"], ["logits"], "odd"),
        ],
        {"kernel": np.ones((5, 3, 1, 1), np.float32)},
        ["batch", 3, 7, 11],
    )
    with pytest.raises(teachers.TeacherError, match=r"odd.*input 1 is computed"):
        teachers.load_onnx(path)
