import keras

from teachers.onnx_export.layer_nodes import LAYERS


def test_a_subclass_is_not_taken_for_its_parent(refusal):
    class Other(keras.layers.ReLU):
        def call(self, features):
            return super().call(features) + 1

    assert Other not in LAYERS
    assert "Other: this kind of layer is unknown (at some)" in refusal(Other(name="some"))


def test_layers_of_one_writer_are_all_registered():
    assert LAYERS[keras.layers.Conv2D] is LAYERS[keras.layers.DepthwiseConv2D]
