import keras
import pytest

from teachers.layers.constant_layers import LowestPadding


def test_padding_before_other_layers_is_a_node_written_once(agreed):
    def write(features):
        padded = keras.layers.ZeroPadding2D(((1, 0), (2, 3)), name="pad")(features)
        return keras.layers.Add()([keras.layers.ReLU()(padded), padded])

    nodes = agreed(write)
    assert [name for name, node in nodes.items() if node.op_type == "Pad"] == ["pad"]


def test_two_paddings_in_a_row(agreed):
    def write(features):
        lowest = LowestPadding(((0, 1), (1, 0)), name="inner")(keras.layers.ReLU()(features))
        # Zeros around the lowest numbers: neither may take the other's value.
        padded = keras.layers.ZeroPadding2D(((2, 0), (0, 0)), name="outer")(lowest)
        return keras.layers.Activation("sigmoid")(padded)

    nodes = agreed(write)
    assert [name for name, node in nodes.items() if node.op_type == "Pad"] == ["inner", "outer"]


def test_cropping(agreed):
    agreed(keras.layers.Cropping2D(((1, 2), (0, 3)), name="some"))


def test_flatten_before_a_permute_needs_no_transpose(agreed):
    nodes = agreed(keras.layers.ReLU())  # the head of `agreed` permutes and flattens
    assert "Transpose" not in {node.op_type for node in nodes.values()}


@pytest.mark.parametrize(("pool", "transposes"), [(1, 1), ((7, 11), 0)])
def test_flatten_keeps_keras_order(pool, transposes, agreed):
    def write(features):
        return keras.layers.Flatten()(keras.layers.AveragePooling2D(pool)(features))

    nodes = agreed(write)
    assert sum(node.op_type == "Transpose" for node in nodes.values()) == transposes


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ([keras.layers.Permute((2, 1, 3), name="some")], "it permutes to (2, 1, 3), wanted"),
        (
            [keras.layers.Permute((3, 1, 2)), keras.layers.ReLU(name="some")],
            "ReLU: it reads a Permute, which only a Flatten may (at some)",
        ),
    ],
)
def test_other_permutations_are_refused(layers, reason, refusal):
    assert reason in refusal(keras.Sequential(layers).call)


def test_reshape_of_single_pixels(agreed):
    def write(features):
        flat = keras.layers.GlobalAveragePooling2D()(features)
        weights = keras.layers.Reshape((1, 1, 5))(flat)
        weights = keras.layers.Conv2D(5, 1)(weights)
        back = keras.layers.Reshape((5,))(weights)
        again = keras.layers.Reshape((1, 1, 5))(back)
        return keras.layers.Multiply()([features, again])

    agreed(write)


def test_other_reshapes_are_refused(refusal):
    message = refusal(keras.layers.Reshape((11, 7, 5), name="some"))
    assert "Reshape: it reshapes (None, 7, 11, 5) to (None, 11, 7, 5), wanted" in message


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_concatenate(axis, agreed):
    def write(features):
        halved = keras.layers.Rescaling(0.5)(features)
        return keras.layers.Concatenate(axis)([features, halved])

    agreed(write)


def test_concatenate_flat(agreed):
    def write(features):
        pooled = keras.layers.GlobalAveragePooling2D()(features)
        flat = keras.layers.Flatten()(features)
        return keras.layers.Concatenate()([flat, pooled])

    agreed(write)


@pytest.mark.parametrize("keep", [False, True])
def test_global_average_pool(keep, agreed):
    layer = keras.layers.GlobalAveragePooling2D(keepdims=keep, name="some")
    nodes = agreed(layer)
    assert nodes["some"].op_type == "GlobalAveragePool"
    assert ("some.flatten" in nodes) == (not keep)
