"""The PyTorch twin of a student: the same logits and the same gradients as the Keras one."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnascl_tf  # noqa: F401  registers the layers that the student's file names
from rnascl_tf.networks import build_student

torch = pytest.importorskip("torch", reason="PyTorch is optional: pip install torch")

from benchmarks.pytorch_student import PyTorchStudent, architecture_of, from_keras  # noqa: E402

COMMITTED = Path(__file__).parents[1] / "robustness" / "networks" / "student_trades.keras"
# Narrow next to wide, blocks with and without a shortcut in every stage.
FILTERS = [[16, 12, 16], [32, 20, 28], [52, 60, 56]]
# Both frameworks sum in float32, in another order: 1e-6 or so of the largest logit is usual.
RELATIVE_TOLERANCE = 1e-4


def student(seed, filters=FILTERS, space="S3", num_classes=7, activation="hard_swish"):
    """Weights and batch norm statistics all random, of sizes that keep the features alive.

    With the initial weights the features vanish beside such statistics, and the logits with them.
    """
    model = build_student(
        {
            "space": space,
            "filters": filters,
            "num_classes": num_classes,
            "input_shape": [32, 32, 3],
            "activation": activation,
        },
        seed=seed,
    )
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name in ("gamma", "moving_variance"):
                weight.assign(generator.uniform(0.5, 2.0, weight.shape))
            elif weight.name in ("beta", "bias", "moving_mean"):
                weight.assign(generator.normal(0.0, 0.5, weight.shape))
            elif weight.name == "kernel":
                inputs = 9 if weight.shape[-1] == 1 else np.prod(weight.shape[:-1])
                weight.assign(generator.normal(0.0, 1.0, weight.shape) / np.sqrt(inputs))
    return model


def both_logits(model, twin, images):
    ours = model(images, training=False).numpy()
    with torch.no_grad():
        theirs = twin(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()
    return ours, theirs


@pytest.mark.parametrize(
    ("seed", "filters", "activation"),
    [
        (0, FILTERS, "hard_swish"),
        (1, [[16, 16, 16], [20, 20, 20], [52, 52, 52]], "hard_swish"),
        (7, FILTERS, "relu6"),
        (8, FILTERS, "relu"),
    ],
)
def test_logits_are_the_keras_students(seed, filters, activation):
    model = student(seed, filters, activation=activation)
    twin = from_keras(model)
    images = np.random.default_rng(seed).random((5, 32, 32, 3), np.float32)
    ours, theirs = both_logits(model, twin, images)
    assert theirs.shape == (5, 7)
    # Logits that hardly depend on the images would agree whatever was copied.
    assert ours.std(axis=0).mean() > 30 * RELATIVE_TOLERANCE * abs(ours).max()
    assert abs(theirs - ours).max() < RELATIVE_TOLERANCE * abs(ours).max()


@pytest.mark.filterwarnings("ignore:CUDA initialization")
def test_gradients_reach_the_images_as_in_keras():
    model = student(2)
    twin = from_keras(model)
    images = np.random.default_rng(2).random((3, 32, 32, 3), np.float32)
    labels = np.array([0, 6, 3])
    variable = tf.Variable(images)
    with tf.GradientTape() as tape:
        logits = model(variable, training=False)
        loss = tf.reduce_sum(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        )
    ours = tape.gradient(loss, variable).numpy()
    leaf = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
    torch.nn.functional.cross_entropy(twin(leaf), torch.tensor(labels), reduction="sum").backward()
    theirs = leaf.grad.numpy().transpose(0, 2, 3, 1)
    assert abs(theirs - ours).max() < RELATIVE_TOLERANCE * abs(ours).max()


def test_the_committed_student_is_converted():
    model = keras.models.load_model(COMMITTED)
    twin = from_keras(model)
    images = np.random.default_rng(3).random((11, 32, 32, 3), np.float32)
    ours, theirs = both_logits(model, twin, images)
    assert abs(theirs - ours).max() < RELATIVE_TOLERANCE * abs(ours).max()
    weights = sum(parameter.numel() for parameter in twin.parameters())
    assert weights == 112_790


def test_it_is_in_evaluation_mode():
    twin = from_keras(student(4))
    images = torch.rand((6, 3, 32, 32), generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        alone, together = twin(images[:1]), twin(images)[:1]
    assert not any(module.training for module in twin.modules())
    # The same image in another batch: only the order of sums may differ.
    assert abs(together - alone).max() < RELATIVE_TOLERANCE * abs(alone).max()


def test_the_architecture_is_read_back():
    filters = [[12, 16, 12, 16, 12], [20, 24, 28, 32, 20], [64, 52, 56, 60, 52]]
    found = architecture_of(student(5, filters, "S5", num_classes=3))
    assert found == {
        "space": "S5",
        "filters": filters,
        "num_classes": 3,
        "input_shape": [32, 32, 3],
        "activation": "hard_swish",
    }


def test_another_model_is_refused():
    with pytest.raises(ValueError, match=r"'linear' is not a student"):
        from_keras(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="linear"))


def test_a_layer_too_many_is_refused_by_name():
    model = student(6)
    longer = keras.Model(
        model.inputs[0], keras.layers.Dense(7, name="extra")(model.outputs[0]), name=model.name
    )
    with pytest.raises(ValueError, match=r"layers\.extra\.weight"):
        from_keras(longer)


def test_a_space_with_a_head_is_refused():
    with pytest.raises(ValueError, match="IS has a head"):
        PyTorchStudent(
            {
                "space": "IS",
                "filters": [[16], [28] * 3, [40] * 3, [96] * 3],
                "num_classes": 3,
                "input_shape": [224, 224, 3],
            }
        )
