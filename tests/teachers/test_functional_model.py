import keras
import pytest

from teachers.errors import TeacherError
from teachers.functional_model import call_of, functional_model, inputs_of, output_of


def test_a_sequential_model_becomes_a_functional_one_on_the_same_weights():
    sequential = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    model = functional_model(sequential, "it")
    assert [layer.name for layer in model.layers[1:]] == [sequential.layers[0].name]
    assert model.weights[0] is sequential.weights[0]


def test_calls_lead_from_the_output_to_the_input():
    images = keras.Input((5,))
    shared = keras.layers.Dense(5)
    first = shared(images)
    second = shared(first)
    assert call_of(second) == (shared, 1)
    assert inputs_of(call_of(second))[0] is first
    assert output_of(call_of(first)) is first
    assert inputs_of(call_of(first))[0] is images


class Subclassed(keras.Model):
    def call(self, features):
        return features


@pytest.mark.parametrize("make", [Subclassed, lambda: "no model", lambda: two_outputs()])
def test_other_models_are_refused(make):
    with pytest.raises(TeacherError, match="the thing is not a functional Keras model of one"):
        functional_model(make(), "the thing")


def two_outputs():
    images = keras.Input((5,))
    return keras.Model(images, [images, images])
