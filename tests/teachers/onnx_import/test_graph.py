import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from teachers.errors import TeacherError
from teachers.onnx_import.graph import read_onnx

CONV = helper.make_node("Conv", ["images", "kernel"], ["features"], "/body/conv.1")
UNNAMED = helper.make_node("Relu", ["features"], ["logits"])
WEIGHTS = {"kernel": np.ones((5, 3, 1, 1), np.float32)}
SHAPE = ["batch", 3, 7, 11]


def change(path, edit):
    model = onnx.load(path)
    edit(model)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_graph_as_the_file_states_it(write_onnx):
    graph = read_onnx(write_onnx([CONV, UNNAMED], WEIGHTS, SHAPE, opset=13))
    convolution, activation = graph.nodes
    assert (convolution.operator, convolution.name) == ("Conv", "/body/conv.1")
    assert convolution.label == "body_conv_1"
    assert convolution.inputs == ("images", "kernel")
    assert convolution.opset == 13
    assert str(activation) == "Relu_1 (Relu)"
    assert (graph.input_name, graph.output_name) == ("images", "logits")
    assert graph.input_shape == (7, 11, 3)
    assert graph.batch is None
    assert graph.has_constant("kernel")
    assert not graph.has_constant("features")
    np.testing.assert_array_equal(graph.constant("kernel"), WEIGHTS["kernel"])


def test_fixed_batch_and_free_size(write_onnx):
    graph = read_onnx(write_onnx([CONV, UNNAMED], WEIGHTS, [2, 3, "height", 11]))
    assert graph.batch == 2
    assert graph.input_shape == (None, 11, 3)


def test_labels_never_meet_the_layers_in_front(write_onnx):
    nodes = [helper.make_node("Relu", ["images"], ["logits"], "images")]
    assert read_onnx(write_onnx(nodes, {}, SHAPE)).nodes[0].label == "images_2"


def test_operators_of_other_domains_keep_their_domain(write_onnx):
    odd = helper.make_node("Gelu", ["images"], ["logits"], "odd", domain="com.example")
    path = change(
        write_onnx([odd], {}, SHAPE),
        lambda model: model.opset_import.append(helper.make_opsetid("com.example", 1)),
    )
    assert read_onnx(path).nodes[0].operator == "com.example.Gelu"


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_weights_of_other_precision_become_float32(dtype, write_onnx):
    graph = read_onnx(
        write_onnx([CONV, UNNAMED], {"kernel": WEIGHTS["kernel"].astype(dtype)}, SHAPE)
    )
    assert graph.constant("kernel").dtype == np.float32


def test_weights_listed_as_inputs_are_not_images(write_onnx):
    def list_weights(model):  # as exporters did up to IR version 3
        value = helper.make_tensor_value_info("kernel", TensorProto.FLOAT, [5, 3, 1, 1])
        model.graph.input.append(value)

    path = change(write_onnx([CONV, UNNAMED], WEIGHTS, SHAPE), list_weights)
    assert read_onnx(path).input_name == "images"


@pytest.mark.parametrize(
    ("shape", "channels_last", "found"),
    [
        (["batch", 7, 11, 3], True, (7, 11, 3)),
        (["batch", "h", "w", 1], True, (None, None, 1)),
        (["batch", 3, "h", "w"], False, (None, None, 3)),
        (["batch", "c", 7, 11], False, (7, 11, None)),
        (["batch", 7, 11, "c"], True, (7, 11, None)),
    ],
)
def test_the_layout_is_found_from_the_shape(shape, channels_last, found, write_onnx):
    graph = read_onnx(write_onnx([CONV, UNNAMED], WEIGHTS, shape))
    assert graph.channels_last is channels_last
    assert graph.input_shape == found


@pytest.mark.parametrize("shape", [["n", 3, 7, 3], ["n", 1, 7, 3], ["n", "c", 7, "w"]])
def test_an_ambiguous_layout_is_refused(shape, write_onnx):
    with pytest.raises(TeacherError, match="channels could come first or last; export it with"):
        read_onnx(write_onnx([CONV, UNNAMED], WEIGHTS, shape))


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (["batch", 7, 11, 5], "FLOAT"),
        (["batch", 3, 7], "FLOAT"),
        (["batch", 3, 7, 10**6], "FLOAT"),
        (["batch", 3, -7, 11], "FLOAT"),
        (SHAPE, "UINT8"),
    ],
)
def test_other_inputs_are_refused(shape, kind, write_onnx):
    path = change(
        write_onnx([CONV, UNNAMED], WEIGHTS, shape),
        lambda model: setattr(
            model.graph.input[0].type.tensor_type, "elem_type", TensorProto.DataType.Value(kind)
        ),
    )
    with pytest.raises(TeacherError, match=f"'images' of type {kind}.*wanted float32 images"):
        read_onnx(path)


def test_old_opsets_are_refused(write_onnx):
    path = change(
        write_onnx([CONV, UNNAMED], WEIGHTS, SHAPE),
        lambda model: setattr(model.opset_import[0], "version", 6),
    )
    with pytest.raises(TeacherError, match="opset 6, wanted 7 or newer"):
        read_onnx(path)


def test_several_inputs_or_outputs_are_refused(write_onnx):
    path = write_onnx([CONV, UNNAMED], WEIGHTS, SHAPE, ["logits", "features"])
    with pytest.raises(TeacherError, match="1 inputs and 2 outputs, wanted one"):
        read_onnx(path)


def test_an_invalid_graph_is_refused_with_the_reason(write_onnx):
    path = write_onnx([UNNAMED, CONV], WEIGHTS, SHAPE)  # read before written
    with pytest.raises(TeacherError, match="not a valid ONNX model") as failure:
        read_onnx(path)
    assert "\n" not in str(failure.value)


def test_a_damaged_attribute_is_refused(write_onnx):
    tensor = helper.make_tensor("value", TensorProto.FLOAT, [3], [1.0, 2, 3])
    constant = helper.make_node("Constant", [], ["kernel"], "odd", value=tensor)
    path = write_onnx([constant, CONV, UNNAMED], {}, SHAPE)

    def break_attribute(model):
        model.graph.node[0].attribute[0].t.dims[0] = 5

    with pytest.raises(TeacherError, match=r"is damaged|not a valid ONNX"):
        read_onnx(change(path, break_attribute))


def test_damaged_text_is_refused(write_onnx):
    path = write_onnx([CONV, UNNAMED], WEIGHTS, SHAPE)
    path.write_bytes(path.read_bytes().replace(b"/body/conv.1", b"/body/\xff\xfe\xff.1"))
    with pytest.raises(TeacherError, match=r"is damaged|not a valid ONNX|not an ONNX file"):
        read_onnx(path)
