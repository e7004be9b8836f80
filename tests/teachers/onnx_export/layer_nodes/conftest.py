"""A Keras classifier around the layers under test."""

import keras
import numpy as np
import pytest

IMAGE = (7, 11)  # unequal primes, so that swapped axes show
CHANNELS = 5


@pytest.fixture
def between(generator):
    """Puts layers between a stem and a head: (function of features [N, 7, 11, 5]) -> model.

    The features have both signs, and the head weighs every element differently.
    """

    def build(write):
        images = keras.Input((*IMAGE, 3), name="images")
        features = write(keras.layers.Conv2D(CHANNELS, 1, name="stem")(images))
        if len(features.shape) == 4:
            # Permuted, so that the file's own Flatten needs no Transpose.
            features = keras.layers.Flatten()(keras.layers.Permute((3, 1, 2))(features))
        model = keras.Model(images, keras.layers.Dense(4, name="head")(features))
        for weight in model.weights:
            is_variance = weight.name == "moving_variance"
            drawn = generator.uniform(0.5 if is_variance else -1, 1.5, weight.shape)
            weight.assign(drawn.astype(np.float32))
        return model

    return build


@pytest.fixture
def agreed(between, assert_exports, tmp_path):
    """Checks a model with the given layers in onnxruntime and reads it back; returns its nodes."""
    import teachers

    def check(write):
        model = between(write)
        proto = assert_exports(model)
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        images = np.random.default_rng(5).random((2, *IMAGE, 3), dtype=np.float32)
        wanted = np.asarray(model(images, training=False))
        computed = teachers.load_onnx(path).classifier(images, training=False)
        np.testing.assert_allclose(computed, wanted, atol=1e-5 * np.abs(wanted).max(), rtol=0)
        return {node.name: node for node in proto.graph.node}

    return check


@pytest.fixture
def refusal(between):
    """Returns the message with which a model with the given layers is refused."""
    import teachers
    from teachers.onnx_export.convert import to_onnx

    def message(write):
        with pytest.raises(teachers.TeacherError) as failure:
            to_onnx(between(write))
        assert "\n" not in str(failure.value)
        return str(failure.value)

    return message
