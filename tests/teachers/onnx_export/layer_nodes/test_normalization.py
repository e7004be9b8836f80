import keras
import pytest

from rnascl_tf.layers.pixel_normalization import PixelNormalization


def test_pixels_are_shifted_then_scaled(agreed):
    layer = PixelNormalization((0.1, 0.2, 0.3, 0.4, 0.5), (0.2, 0.3, 0.5, 0.7, 1.1), name="some")
    nodes = agreed(layer)
    assert (nodes["some.shift"].op_type, nodes["some"].op_type) == ("Sub", "Div")


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
def test_batch_normalisation_stays_a_node_of_its_own(scale, center, agreed):
    layer = keras.layers.BatchNormalization(scale=scale, center=center, epsilon=0.01, name="some")
    assert agreed(layer)["some"].op_type == "BatchNormalization"


def test_batch_normalisation_of_flat_features(agreed):
    def write(features):
        return keras.layers.BatchNormalization()(keras.layers.GlobalAveragePooling2D()(features))

    agreed(write)


def test_batch_normalisation_of_another_axis_is_refused(refusal):
    message = refusal(keras.layers.BatchNormalization(axis=1, name="some"))
    assert "BatchNormalization: it normalises axis 1, wanted the channels (at some)" in message


@pytest.mark.parametrize(
    "layer",
    [keras.layers.Dropout(0.5), keras.layers.SpatialDropout2D(0.5), keras.layers.Identity()],
)
def test_what_does_nothing_writes_nothing(layer, agreed):
    assert [node.op_type for node in agreed(layer).values()] == ["Conv", "Flatten", "Gemm"]
