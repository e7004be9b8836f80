import logging

import keras
import numpy as np
import onnx
import pytest
from onnx import helper

import teachers
from teachers.onnx_import.convert import convert
from teachers.onnx_import.graph import read_onnx

SHAPE = ["batch", 3, 7, 11]


def conv(source, kernel, output, name):
    return helper.make_node("Conv", [source, kernel], [output], name)


STEM = conv("images", "kernel", "features", "stem")
POOL = helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool")
FLAT = helper.make_node("Flatten", ["pooled"], ["flat"], "flatten")
SOFTMAX = helper.make_node("Softmax", ["flat"], ["probabilities"], "softmax", axis=1)
KERNEL = {"kernel": np.random.default_rng(2).standard_normal((5, 3, 1, 1)).astype(np.float32)}


def residual_block(index, width_in, width, projection, generator):
    """Nodes and weights of a basic block; names say nothing of their role."""
    last, weights = f"x{index}", {}

    def convolution(source, number, filters, channels, size):
        kernel = f"w{index}{number}"
        weights[kernel] = generator.standard_normal((filters, channels, size, size), np.float32)
        output = f"t{index}{number}"
        pad = [size // 2] * 4
        return helper.make_node("Conv", [source, kernel], [output], f"c{index}{number}", pads=pad)

    nodes = [
        convolution(last, 0, width, width_in, 3),
        helper.make_node("Relu", [f"t{index}0"], [f"r{index}"], f"r{index}"),
        convolution(f"r{index}", 1, width, width, 3),
    ]
    shortcut = last
    if projection:
        nodes.insert(0, convolution(last, 2, width, width_in, 1))
        shortcut = f"t{index}2"
    nodes.append(helper.make_node("Add", [f"t{index}1", shortcut], [f"x{index + 1}"], f"a{index}"))
    return nodes, weights


def test_shortcuts_are_found_from_the_graph(write_onnx, generator, assert_agrees):
    nodes, weights = [conv("images", "kernel", "x0", "stem")], dict(KERNEL)
    for index, (width_in, width, projection) in enumerate(
        [(5, 5, False), (5, 7, True), (7, 7, True)]
    ):
        more_nodes, more_weights = residual_block(index, width_in, width, projection, generator)
        nodes += more_nodes
        weights |= more_weights
    nodes += [
        helper.make_node("GlobalAveragePool", ["x3"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["logits"], "flatten"),
    ]
    path = write_onnx(nodes, weights, SHAPE)
    network = convert("model", read_onnx(path), (7, 11, 3), None)
    assert network.shortcuts == {"c12", "c22"}
    assert list(network.convolutions) == [
        *("stem", "c00", "c01", "c12", "c10", "c11", "c22", "c20", "c21")
    ]
    teacher = assert_agrees(path)
    assert teacher.tap_names == ("stem", "c00", "c01", "c10", "c11", "c20", "c21")
    assert len(teachers.load_onnx(path, taps="all").tap_names) == 9
    assert teachers.load_onnx(path, taps="^c1").tap_names == ("c12", "c10", "c11")


@pytest.mark.parametrize("tail", [[], ["Identity"], ["Dropout", "Identity"]])
def test_a_final_softmax_is_left_out_and_said_so(tail, write_onnx, run_onnx, images, caplog):
    nodes = [STEM, POOL, FLAT, SOFTMAX]
    output = "probabilities"
    for index, operator in enumerate(tail):
        nodes.append(helper.make_node(operator, [output], [f"tail{index}"], f"tail{index}"))
        output = f"tail{index}"
    path = write_onnx(nodes, KERNEL, SHAPE, [output])
    with caplog.at_level(logging.WARNING):
        teacher = teachers.load_onnx(path)
    assert "softmax (Softmax); it is left out" in caplog.text
    wanted = run_onnx(path, images, "flat")
    np.testing.assert_allclose(teacher.classifier(images), wanted, atol=1e-6)
    assert teacher.verify(images).largest < 1e-5


def test_a_softmax_before_the_end_is_not_left_out(write_onnx):
    last = helper.make_node("Relu", ["probabilities"], ["logits"], "last")
    with pytest.raises(teachers.TeacherError, match="unsupported operators: Softmax at softmax"):
        teachers.load_onnx(write_onnx([STEM, POOL, FLAT, SOFTMAX, last], KERNEL, SHAPE))


def test_operators_for_stored_numbers_are_unsupported_where_images_go_through(write_onnx):
    # All three at once, although the second and third come after the first.
    nodes = [
        STEM,
        helper.make_node("Exp", ["features"], ["a"], "first"),
        helper.make_node("Sqrt", ["a"], ["b"], "second"),
        helper.make_node("Erf", ["b"], ["c"], "third"),
        helper.make_node("GlobalAveragePool", ["c"], ["pooled"], "pool"),
        FLAT,
    ]
    with pytest.raises(
        teachers.TeacherError, match="Erf at third; Exp at first; Sqrt at second; this kind"
    ):
        teachers.load_onnx(write_onnx(nodes, KERNEL, SHAPE, ["flat"]))


def test_all_unsupported_operators_are_listed_at_once(write_onnx):
    nodes = [
        STEM,
        helper.make_node("Erf", ["features"], ["a"], "first"),
        helper.make_node("Tan", ["a"], ["b"], "second"),
        helper.make_node("Erf", ["b"], ["logits"], "third"),
    ]
    with pytest.raises(teachers.TeacherError) as failure:
        teachers.load_onnx(write_onnx(nodes, KERNEL, SHAPE))
    assert "Erf at first, third; Tan at second;" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_all_unsupported_forms_are_listed_at_once(write_onnx):
    nodes = [
        STEM,
        helper.make_node("Flatten", ["features"], ["a"], "first", axis=2),
        helper.make_node("Relu", ["a"], ["b"], "after_first"),
        helper.make_node("Transpose", ["features"], ["c"], "second", perm=[0, 1]),
        helper.make_node("Add", ["b", "c"], ["logits"], "after_both"),
    ]
    with pytest.raises(teachers.TeacherError) as failure:
        teachers.load_onnx(write_onnx(nodes, KERNEL, SHAPE))
    message = str(failure.value)
    assert "first (Flatten) is not supported in this form" in message
    assert "; second (Transpose) is not supported in this form" in message
    assert "after_" not in message
    assert "\n" not in message


def test_more_numbers_than_any_network_has_are_refused(write_onnx):
    nodes = [
        STEM,
        helper.make_node("Pad", ["features", "pads"], ["padded"], "pad"),
        helper.make_node("GlobalAveragePool", ["padded"], ["pooled"], "pool"),
        FLAT,
    ]
    pads = {"pads": np.int64([0, 0, 9999, 0, 0, 0, 9999, 0])}
    with pytest.raises(teachers.TeacherError, match=r"pad \(Pad\).*at most 315392 are accepted"):
        teachers.load_onnx(write_onnx(nodes, KERNEL | pads, SHAPE, ["flat"]))


def test_a_file_of_channels_last_images(write_onnx, images):
    """As tf2onnx writes Keras models: the input is transposed, the head is not."""
    nodes = [
        helper.make_node("Transpose", ["images"], ["first"], "in", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "kernel"], ["features"], "stem"),
        helper.make_node("Transpose", ["features"], ["last"], "out", perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["last", "scale"], ["scaled"], "scale"),
        helper.make_node("ReduceMean", ["scaled"], ["flat"], "pool", axes=[1, 2], keepdims=0),
    ]
    scale = {"scale": np.float32([1, 2, 3, 5, 7])}
    path = write_onnx(nodes, KERNEL | scale, ["batch", 7, 11, 3], ["flat"])
    teacher = teachers.load_onnx(path)
    assert teacher.input_shape == (7, 11, 3)
    assert teacher.verify(images).largest < 1e-5
    wanted = images.mean((1, 2)) @ KERNEL["kernel"][:, :, 0, 0].T * scale["scale"]
    np.testing.assert_allclose(teacher.classifier(images), wanted, rtol=1e-4, atol=1e-5)
    assert not [layer for layer in teacher.model.layers if isinstance(layer, keras.layers.Permute)]


def test_what_the_output_does_not_need_is_not_converted(write_onnx):
    dead = helper.make_node("Erf", ["features"], ["nowhere"], "dead")
    path = write_onnx([STEM, dead, POOL, FLAT], KERNEL, SHAPE, ["flat"])
    assert teachers.load_onnx(path).tap_names == ("stem",)


@pytest.mark.parametrize(
    ("nodes", "output", "found"),
    [
        ([STEM], "features", r"1 convolutions and its output is \[None, 5, 7, 11\]"),
        ([helper.make_node("Flatten", ["images"], ["flat"], "f")], "flat", "0 convolutions"),
    ],
)
def test_networks_that_are_not_classifiers_are_refused(nodes, output, found, write_onnx):
    path = write_onnx(nodes, KERNEL, SHAPE, [output])
    with pytest.raises(teachers.TeacherError, match=f"not a convolutional image.*{found}"):
        teachers.load_onnx(path)


def test_layers_are_float32_in_mixed_precision_too(write_onnx):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        path = write_onnx([STEM, POOL, FLAT], KERNEL, SHAPE, ["flat"])
        teacher = teachers.load_onnx(path)
        assert {layer.compute_dtype for layer in teacher.model.layers} == {"float32"}
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)


def test_a_weight_of_too_few_numbers_is_refused(write_onnx):
    path = write_onnx([STEM, POOL, FLAT], KERNEL, SHAPE, ["flat"])
    model = onnx.load(path)
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(teachers.TeacherError, match=r"damaged|not a valid ONNX") as failure:
        teachers.load_onnx(path)
    assert "\n" not in str(failure.value)
