"""What every Keras layer here must do: shapes, dtypes, seeds, serialisation, a training step.

The layers are found in Keras' registry. A new one fails here until it has a line in `CASES`.
"""

import contextlib
import dataclasses
import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnascl_tf.layers
import teachers.layers
from rnascl_tf import layers as students
from teachers.layers import constant_layers, moving_layers

ROOMS = (rnascl_tf.layers, teachers.layers)
BATCH = 3
IMAGE = (7, 5, 3)


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer and how it is called.

    `make` takes the arguments of every Keras layer. `inputs` are shapes without the batch. `outputs`
    are the dtypes of the results: "compute" is the compute dtype of the layer's policy.
    """

    make: Callable[..., keras.layers.Layer]
    inputs: tuple[tuple[int, ...], ...] = (IMAGE,)
    takes_list: bool = False
    outputs: tuple[str, ...] = ("compute",)
    is_noisy: bool = False
    reads_inputs: bool = True


def seeded(layer_class, *arguments):
    return lambda seed=1, **options: layer_class(*arguments, seed=seed, **options)


CASES = {
    "rnascl_tf>AttentionMaps": Case(
        lambda **options: students.AttentionMaps(size=4, **options),
        inputs=(IMAGE, (2, 3, 5)),
        takes_list=True,
        outputs=("float32",),
    ),
    "rnascl_tf>BatchNormalization": Case(students.BatchNormalization),
    "rnascl_tf>ChannelMask": Case(
        seeded(students.ChannelMask, (3, 2, 1)), outputs=("compute", "float32"), is_noisy=True
    ),
    "rnascl_tf>GumbelSoftmax": Case(
        seeded(students.GumbelSoftmax, 2, 5), inputs=(), outputs=("float32",), is_noisy=True
    ),
    "rnascl_tf>HardSwish": Case(students.HardSwish),
    "rnascl_tf>PointwiseConvolution": Case(
        lambda **options: students.PointwiseConvolution(5, 1, **options)
    ),
    "rnascl_tf>TutorSelection": Case(
        seeded(students.TutorSelection, 2, 5), inputs=(), outputs=("float32",), is_noisy=True
    ),
    "teachers>Clip": Case(lambda **options: constant_layers.Clip(0.6, 1.2, **options)),
    "teachers>ConstantArithmetic": Case(
        lambda **options: constant_layers.ConstantArithmetic("subtract", (1, 1, 3), True, **options)
    ),
    "teachers>Divide": Case(constant_layers.Divide, inputs=(IMAGE, (1, 1, 3)), takes_list=True),
    "teachers>LowestPadding": Case(
        lambda **options: constant_layers.LowestPadding(((1, 2), (0, 3)), **options)
    ),
    "teachers>Padding": Case(
        lambda **options: moving_layers.Padding(((1, 2), (0, 3), (1, 0)), 0.5, **options)
    ),
    "teachers>PixelNormalization": Case(
        lambda **options: students.PixelNormalization((0.1, 0.4, 0.7), (0.2, 0.3, 0.5), **options)
    ),
    "teachers>Reduction": Case(lambda **options: moving_layers.Reduction("max", (1, 3), **options)),
    "teachers>RepeatedConstant": Case(
        lambda **options: moving_layers.RepeatedConstant((2, 5), **options), reads_inputs=False
    ),
    "teachers>StridedSlice": Case(
        lambda **options: moving_layers.StridedSlice(((6, -1, -2), (0, 5, 1), (1, 3, 1)), **options)
    ),
}
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def layer_classes():
    """Returns every layer class that is defined in the rooms, by its registered name."""
    found = set()
    for room in ROOMS:
        for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            members = vars(importlib.import_module(module.name)).values()
            found |= {
                member
                for member in members
                if inspect.isclass(member)
                and issubclass(member, keras.layers.Layer)
                and member.__module__ == module.name
            }
    return {keras.saving.get_registered_name(member): member for member in found}


def arguments(case):
    """Returns the layer's positional arguments, tensors of numbers in 0.5..1.5."""
    generator = np.random.default_rng(7)
    shapes = [(BATCH, *shape) for shape in case.inputs]
    tensors = [tf.constant(generator.uniform(0.5, 1.5, shape), tf.float32) for shape in shapes]
    return [tensors] if case.takes_list else tensors


def filled(case, **options):
    """Returns a built layer whose weights are not what they are made as."""
    layer = case.make(name="layer", **options)
    layer(*arguments(case))
    generator = np.random.default_rng(11)
    for variable in layer.variables:
        if "seed" not in variable.path:
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
    return layer


def outputs_of(layer, inputs, training=False):
    takes_training = "training" in inspect.signature(layer.call).parameters
    result = layer(*inputs, **({"training": training} if takes_training else {}))
    return list(result) if isinstance(result, tuple | list) else [result]


def as_numbers(outputs):
    return [tf.cast(output, tf.float32).numpy() for output in outputs]


def test_every_layer_has_a_case():
    registered = {
        name: member
        for name, member in keras.saving.get_custom_objects().items()
        if inspect.isclass(member) and issubclass(member, keras.layers.Layer)
        if member.__module__.startswith(tuple(f"{room.__name__}." for room in ROOMS))
    }
    assert registered == layer_classes(), "a layer here is not registered with Keras"
    assert set(CASES) == set(registered)
    for member in registered.values():  # importing the room alone must register it
        room, _, file = member.__module__.rpartition(".")
        assert file in inspect.getsource(importlib.import_module(room)), f"import {file} in {room}"
    for name, case in CASES.items():
        assert type(case.make()) is registered[name]


@every_case
@pytest.mark.parametrize("policy", POLICIES)
def test_shapes_and_dtypes(case, policy):
    layer = filled(case, dtype=policy)
    outputs = outputs_of(layer, arguments(case))
    compute = keras.DTypePolicy(policy).compute_dtype
    wanted = [compute if dtype == "compute" else dtype for dtype in case.outputs]
    assert [output.dtype.name for output in outputs] == wanted
    assert {variable.dtype for variable in layer.trainable_variables} <= {"float32"}
    references = as_numbers(outputs_of(filled(case), arguments(case)))
    for output, reference in zip(as_numbers(outputs), references, strict=True):
        assert np.isfinite(output).all()
        visible = np.abs(reference) < 1e30  # but for the lowest number, which no half holds
        # 8 or 11 bits, and a division by 0.2.
        np.testing.assert_allclose(output[visible], reference[visible], rtol=0.03, atol=0.03)
    if case.inputs:
        symbolic = [keras.KerasTensor((None, *shape), dtype=compute) for shape in case.inputs]
        symbolic_outputs = outputs_of(layer, [symbolic] if case.takes_list else symbolic)
        assert [output.dtype for output in symbolic_outputs] == wanted
        for output, promised in zip(outputs, symbolic_outputs, strict=True):
            first, *rest = promised.shape
            assert list(output.shape) == [BATCH if first is None else first, *rest]
        shapes = [tensor.shape for tensor in symbolic]
        with contextlib.suppress(NotImplementedError):  # Keras asks `call` then
            shape = layer.compute_output_shape(shapes if case.takes_list else shapes[0])
            assert [tuple(shape)] == [tensor.shape for tensor in symbolic_outputs]


@every_case
def test_a_graph_computes_what_eager_execution_does(case):
    layer = filled(case)
    traced = tf.function(lambda: outputs_of(layer, arguments(case)))
    for found, wanted in zip(traced(), outputs_of(layer, arguments(case)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


@every_case
def test_inference_is_deterministic(case):
    layer = filled(case)
    first, second = (outputs_of(layer, arguments(case)) for _ in range(2))
    for one, other in zip(as_numbers(first), as_numbers(second), strict=True):
        np.testing.assert_array_equal(one, other)


@every_case
def test_a_seed_decides_the_noise(case):
    def draws(**options):
        layer = case.make(**options)
        return [as_numbers(outputs_of(layer, arguments(case), training=True)) for _ in range(2)]

    def differ(one, other):
        return any(np.abs(a - b).max() > 1e-3 for a, b in zip(one, other, strict=True))

    if not case.is_noisy:
        first, second = draws()
        assert not differ(first, second)
        assert "seed" not in inspect.signature(type(case.make()).__init__).parameters
        return
    first, second = draws(seed=5)
    again = draws(seed=5)
    for one, other in zip([*first, *second], [*again[0], *again[1]], strict=True):
        np.testing.assert_array_equal(one, other)
    assert differ(first, second), "two calls must draw anew"
    assert differ(first, draws(seed=6)[0])


@every_case
@pytest.mark.parametrize("policy", POLICIES[:2])
def test_config_round_trip(case, policy):
    layer = case.make(dtype=policy)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert keras.saving.serialize_keras_object(again) == keras.saving.serialize_keras_object(layer)
    parameters = inspect.signature(type(layer).__init__).parameters.values()
    own = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} - {"self"}
    assert own <= set(layer.get_config()), "a constructor's argument is not saved"


@keras.saving.register_keras_serializable(package="test_conformance")
class Holder(keras.layers.Layer):
    """Puts a layer without inputs into a model."""

    def __init__(self, held, **options):
        super().__init__(**options)
        self.held = held
        self.built = True

    def call(self, features, training=False):
        return features[:, :1] + self.held(training=training)[None]

    def get_config(self):
        return {**super().get_config(), "held": keras.saving.serialize_keras_object(self.held)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("held")), **config)


def model_of(layer, case):
    shapes = case.inputs or ((2, 5),)
    inputs = [keras.Input(shape) for shape in shapes]
    if not case.inputs:
        outputs = Holder(layer)(inputs[0])
    else:
        outputs = layer(inputs if case.takes_list else inputs[0])
    return keras.Model(inputs, outputs)


def model_inputs(case):
    return tf.nest.flatten(arguments(case)) or [tf.ones((BATCH, 2, 5))]


@every_case
def test_a_model_is_saved_and_loaded(case, tmp_path):
    model = model_of(filled(case), case)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    found, wanted = (tf.nest.flatten(each(model_inputs(case))) for each in (loaded, model))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@every_case
@pytest.mark.parametrize("policy", POLICIES[:2])
def test_a_training_step(case, policy):
    """Gradients reach inputs and weights, are finite, and a step changes the weights."""
    layer = filled(case, dtype=policy)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(layer.trainable_variables)
    inputs = arguments(case)

    @tf.function
    def step():
        weights = [variable.value for variable in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = outputs_of(layer, inputs, training=True)
            # Weighed unevenly, because batch norm's outputs have a constant sum.
            loss = tf.add_n(
                [
                    tf.reduce_sum(
                        tf.maximum(tf.cast(o, tf.float32), -1e3)
                        * tf.reshape(tf.sin(tf.range(tf.size(o), dtype=tf.float32)), tf.shape(o))
                    )
                    for o in outputs
                ]
            )
        of_inputs, of_weights = tape.gradient(loss, (tf.nest.flatten(inputs), weights))
        if of_weights:
            optimizer.apply(of_weights, layer.trainable_variables)
        return of_inputs, of_weights

    before = [np.array(variable) for variable in layer.trainable_variables]
    of_inputs, of_weights = step()
    if case.reads_inputs:
        assert all(np.abs(tf.cast(g, tf.float32)).max() > 0 for g in of_inputs)
    else:
        assert of_inputs == [None]
    for gradient in (*of_weights, *(g for g in of_inputs if g is not None)):
        assert np.isfinite(tf.cast(gradient, tf.float32)).all()
    for old, variable in zip(before, layer.trainable_variables, strict=True):
        assert np.abs(old - np.array(variable)).max() > 0
