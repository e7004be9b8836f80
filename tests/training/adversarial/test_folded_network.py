"""A folded network is the network in evaluation mode, in logits and in gradients of the images."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.layers import (
    HardSwish,
    PixelNormalization,
    hard_swish,
    inverted_residual_block,
)
from rnascl_tf.layers.activation import ACTIVATIONS
from rnascl_tf.layers.batch_normalization import normalized
from rnascl_tf.layers.convolutions import convolution
from rnascl_tf.networks import build_supernet, student_taps
from rnascl_tf.networks.supernet import channel_masks
from rnascl_tf.robustness.threat_model import ThreatModel
from rnascl_tf.training.adversarial.folded_network import FoldedNetwork
from rnascl_tf.training.adversarial.training_attack import projected_gradient
from tests.training.conftest import ONE_BLOCK

SHAPE = (13, 11, 3)
IMAGES = np.random.default_rng(1).random((5, *SHAPE), np.float32)
LABELS = np.array([0, 6, 2, 3, 1])


def network(activation="hard_swish"):
    """A student in small: blocks with and without a shortcut, all weights away from their start."""
    settings = {"momentum": 0.9, "activation": activation}
    images = keras.Input(SHAPE)
    features = PixelNormalization((0.4, 0.5, 0.6), (0.2, 0.3, 0.25), name="normalization")(images)
    features = convolution(features, 5, 3, 2, "stem", seed=0)
    features = normalized(features, "stem", 0.9, activation)
    features, _ = inverted_residual_block(features, 5, 1, 3, "block1", seed=10, **settings)
    features, _ = inverted_residual_block(features, 7, 2, 2, "block2", seed=20, **settings)
    features = keras.layers.GlobalAveragePooling2D()(features)
    model = keras.Model(images, keras.layers.Dense(7, name="logits")(features))
    shake(model, 2)
    return model


def shake(model, seed):
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            gamma = generator.uniform(0.5, 2.0, shape) * generator.choice([-1.0, 1.0], shape)
            beta, mean = generator.normal(size=(2, *shape))
            layer.set_weights([gamma, beta, mean, generator.uniform(0.3, 3.0, shape)])
        elif isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            layer.bias.assign(generator.normal(size=layer.bias.shape))
        elif isinstance(layer, keras.layers.Dense):
            layer.kernel.assign(generator.normal(size=layer.kernel.shape))


def logits_and_gradient(logits_of, images=IMAGES, labels=LABELS):
    images = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = logits_of(images)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return logits, tape.gradient(loss, images)


def unfolded(model):
    return lambda images: model(images, training=False)


def assert_same(found, wanted):
    for ours, theirs in zip(found, wanted, strict=True):
        size = abs(np.asarray(theirs)).max()
        assert size > 1e-3
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * size)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("one_pass_from", [0, hard_swish.ONE_PASS_FROM])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_logits_and_gradients_are_those_of_the_network(
    activation, one_pass_from, compiled, monkeypatch
):
    monkeypatch.setattr(hard_swish, "ONE_PASS_FROM", one_pass_from)
    model = network(activation)
    folded = FoldedNetwork(model)
    assert folded.folded_batch_norms == 7

    def ours():
        return logits_and_gradient(folded.with_present_weights())

    assert_same(tf.function(ours)() if compiled else ours(), logits_and_gradient(unfolded(model)))


def test_pointwise_convolutions_are_matrix_products():
    folded = FoldedNetwork(network())
    traced = tf.function(lambda images: folded.with_present_weights()(images), autograph=False)
    operations = traced.get_concrete_function(tf.TensorSpec(IMAGES.shape)).graph.get_operations()
    kinds = [operation.type for operation in operations]
    assert kinds.count("Conv2D") == 1, "the stem's alone"
    assert kinds.count("MatMul") == 4 + 1, "two blocks' and the logits'"


@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}])
def test_convolutions_without_bias_and_batch_norms_without_scale_or_shift(options):
    images = keras.Input(SHAPE)
    features = keras.layers.Conv2D(5, 3, use_bias=False)(images)
    features = keras.layers.BatchNormalization(**options)(features)
    features = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False)(features)
    features = keras.layers.BatchNormalization(**options)(features)
    features = keras.layers.Flatten()(features)
    model = keras.Model(images, keras.layers.Dense(7)(features))
    generator = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(generator.uniform(0.3, 2.0, weight.shape))
    folded = FoldedNetwork(model)
    assert folded.folded_batch_norms == 2
    assert_same(
        logits_and_gradient(folded.with_present_weights()), logits_and_gradient(unfolded(model))
    )


def test_taps_are_left_out():
    model = network()
    taps = student_taps(model)
    folded = FoldedNetwork(taps)
    assert folded.folded_batch_norms == 7
    assert_same(
        logits_and_gradient(folded.with_present_weights()), logits_and_gradient(unfolded(model))
    )


def test_a_supernet_by_its_most_probable_filters(known_space):
    supernet = build_supernet(ONE_BLOCK, 7, SHAPE)
    shake(supernet, 4)
    folded = FoldedNetwork(supernet)
    found = []
    for choice in range(len(channel_masks(supernet)[0].filters)):
        logits = channel_masks(supernet)[0].gumbel.logits
        logits.assign(np.eye(logits.shape[1])[[choice]])
        found.append(logits_and_gradient(folded.with_present_weights()))
        assert_same(
            found[-1],
            logits_and_gradient(lambda images: supernet(images, training=False)["logits"]),
        )
    assert abs(found[0][0] - found[1][0]).numpy().max() > 1e-3


def test_follows_the_weights_without_a_new_trace():
    model = network()
    folded = FoldedNetwork(model)
    optimizer = keras.optimizers.SGD(0.1)
    traces = []

    @tf.function
    def step():
        traces.append(1)
        before = logits_and_gradient(folded.with_present_weights())
        with tf.GradientTape() as tape:
            logits = model(IMAGES, training=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, logits)
        variables = [variable.value for variable in model.trainable_variables]
        optimizer.apply(tape.gradient(loss, variables), model.trainable_variables)
        return before, logits_and_gradient(folded.with_present_weights())

    optimizer.build(model.trainable_variables)
    for _ in range(3):
        wanted = logits_and_gradient(unfolded(model))
        before, after = step()
        assert_same(before, wanted)
        assert_same(after, logits_and_gradient(unfolded(model)))
        assert abs(after[0] - before[0]).numpy().max() > 0.01
    assert len(traces) == 1


def test_is_folded_once_for_all_steps_of_an_attack():
    model = network()
    folded = FoldedNetwork(model)
    seeds = keras.random.SeedGenerator(1)

    def attacked(logits_of):
        seeds.state.assign([0, 1])
        return projected_gradient(
            logits_of, IMAGES, LABELS, ThreatModel(0.1), 3, 0.03, seed_generator=seeds
        )

    graph = tf.function(lambda: attacked(folded.with_present_weights()))
    # A sign may turn where a gradient is all but zero.
    moved = abs(graph() - attacked(model)).numpy()
    assert (moved > 1e-5).mean() < 0.01
    loops = [
        operation.get_attr("body")
        for operation in graph.get_concrete_function().graph.get_operations()
        if operation.type in ("While", "StatelessWhile")
    ]
    assert len(loops) == 1
    functions = graph.get_concrete_function().graph._functions
    body = functions[loops[0].name].cached_definition
    assert not [node.name for node in body.node_def if node.op in ("ReadVariableOp", "Sqrt")]


@pytest.mark.parametrize("build", [network, lambda: plain()], ids=["folded", "unfolded"])
def test_no_gradient_reaches_the_weights(build):
    model = build()
    folded = FoldedNetwork(model)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(folded.with_present_weights()(tf.constant(IMAGES)))
    variables = [variable.value for variable in model.trainable_variables]
    assert tape.gradient(loss, variables) == [None] * len(variables)


def plain():
    return keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(7)])


def test_each_replica_reads_its_own_variables(two_replicas, monkeypatch):
    monkeypatch.setattr(hard_swish, "ONE_PASS_FROM", 0)
    with two_replicas.scope():
        model = network()
        folded = FoldedNetwork(model)
        shake(model, 7)
    # As between two averages of batch norm's statistics, the replicas differ.
    mean = model.get_layer("block1_depthwise_bn").moving_mean

    @tf.function
    def on_a_replica():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        mean.value.assign(tf.fill(mean.shape, tf.cast(replica, tf.float32)))
        ours = logits_and_gradient(folded.with_present_weights())
        return ours, logits_and_gradient(unfolded(model))

    ours, theirs = two_replicas.run(on_a_replica)
    results = []
    for replica in (0, 1):
        pick = lambda value, of=replica: two_replicas.experimental_local_results(value)[of]  # noqa: E731
        results.append([pick(value) for value in ours])
        assert_same(results[-1], [pick(value) for value in theirs])
    assert abs(results[0][0] - results[1][0]).numpy().max() > 1e-3


def test_its_owner_gets_no_variables(tmp_path):
    model = network()
    count, names = len(model.variables), [variable.path for variable in model.variables]
    model.folded = FoldedNetwork(model)
    assert [variable.path for variable in model.variables] == names
    assert len(model.variables) == count
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.variables) == count
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))
    assert [type(layer) for layer in loaded.layers].count(HardSwish) == 5


def test_what_cannot_be_folded_runs_as_it_is_and_the_log_says_so(caplog):
    model = plain()
    folded = FoldedNetwork(model)
    assert folded.folded_batch_norms == 0
    for _ in range(2):
        logits = folded.with_present_weights()
    assert_same(logits_and_gradient(logits), logits_and_gradient(unfolded(model)))
    (message,) = [record.getMessage() for record in caplog.records]
    assert f"run on {model.name} unfolded" in message
