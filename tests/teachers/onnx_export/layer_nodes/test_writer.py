import numpy as np
import pytest
from onnx import numpy_helper

from teachers.onnx_export.layer_nodes.writer import (
    Features,
    OnnxWriter,
    Padding,
    UnsupportedLayerError,
    channels_first,
)


def test_weights_are_float32_or_integers():
    writer = OnnxWriter()
    assert writer.weight("real", np.float64([1.5])) == "real"
    writer.weight("whole", np.int64([2]))
    arrays = [numpy_helper.to_array(tensor) for tensor in writer.weights]
    assert [array.dtype for array in arrays] == [np.float32, np.int64]


def test_padding_becomes_one_node_however_often_it_is_read():
    writer = OnnxWriter()
    padding = Padding(((1, 2), (3, 4)), 0.0, "pad")
    features = Features("some", (None, 5, 7, 3), padding)
    assert writer.whole(features) == writer.whole(features) == "pad.output"
    (node,) = writer.nodes
    assert (node.op_type, node.input[0]) == ("Pad", "some")
    amounts = numpy_helper.to_array(writer.weights[0])
    assert amounts.tolist() == [0, 0, 1, 3, 0, 0, 2, 4]


def test_permuted_axes_are_not_a_tensor_of_onnx():
    with pytest.raises(UnsupportedLayerError, match="only a Flatten may"):
        OnnxWriter().whole(Features("some", (None, 3, 5, 7), is_permuted=True))


@pytest.mark.parametrize(
    ("shape", "rank", "wanted"),
    [
        ((), 4, (1, 1, 1, 1)),
        ((5,), 4, (1, 5, 1, 1)),
        ((7, 11, 5), 4, (1, 5, 7, 11)),
        ((5,), 2, (1, 5)),
    ],
)
def test_constants_change_their_axes(shape, rank, wanted):
    assert channels_first(np.zeros(shape), rank).shape == wanted


def test_constants_that_raise_the_rank_are_refused():
    with pytest.raises(UnsupportedLayerError, match="raises the rank"):
        channels_first(np.zeros((1, 1, 5)), 2)
