"""Small ONNX files made on the spot, and the real ones in ../shared where it exists."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

IMAGE = (7, 11)  # unequal primes, so that swapped axes show
CHANNELS = 5
CLASSES = 4
BATCH = 3


@pytest.fixture
def generator():
    return np.random.default_rng(20240717)


@pytest.fixture
def images(generator):
    return generator.random((BATCH, *IMAGE, 3), dtype=np.float32)


@pytest.fixture(scope="session")
def shared_folder():
    folder = Path(__file__).resolve().parents[2].parent / "shared"
    if not (folder / "teachers").is_dir():
        pytest.skip("needs ../shared with the real teachers and CIFAR-10; it is not there")
    return folder


@pytest.fixture(scope="session")
def cifar10_batch(shared_folder):
    import tensorflow_datasets as tfds

    data_dir = shared_folder / "data" / "tensorflow_datasets"
    return tfds.load("cifar10", data_dir=data_dir, download=False, split="test[:41]", batch_size=-1)


@pytest.fixture(scope="session")
def cifar10_images(cifar10_batch):
    return cifar10_batch["image"].numpy().astype(np.float32) / 255


@pytest.fixture(scope="session")
def cifar10_labels(cifar10_batch):
    return cifar10_batch["label"].numpy()


@pytest.fixture
def write_onnx(tmp_path):
    """Writes a model: (nodes, weights, input shape, output names, ...) -> path."""

    def write(nodes, weights, input_shape, outputs=("logits",), opset=17, name="model.onnx"):
        graph = helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, input_shape)],
            [helper.make_empty_tensor_value_info(output) for output in outputs],
            [numpy_helper.from_array(array, key) for key, array in weights.items()],
        )
        for output in graph.output:  # the format wants a type, and a shape of any size
            output.type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, ["n", "k"]))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        path = tmp_path / name
        path.write_bytes(model.SerializeToString())
        return path

    return write


@pytest.fixture
def run_onnx():
    """Runs a file in onnxruntime on channels-last images: (path, images, output) -> array."""

    def run(path, images, output=None):
        model = onnx.load(path)
        if output is not None:
            del model.graph.output[:]
            model.graph.output.append(helper.make_empty_tensor_value_info(output))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        name = session.get_inputs()[0].name
        return session.run(None, {name: images.transpose(0, 3, 1, 2)})[0]

    return run


@pytest.fixture
def write_classifier(write_onnx, run_onnx, generator, images):
    """Puts nodes between a stem and a head: (nodes reading "features", writing "result") -> path.

    The stem is a convolution to `CHANNELS` channels of both signs. The head weighs every element of
    "result" differently, so that any misplaced number changes the logits.
    """

    def write(nodes, weights=None, opset=17, batch="batch"):
        weights = dict(weights or {})
        weights["stem_kernel"] = normal((CHANNELS, 3, 1, 1))
        stem = helper.make_node("Conv", ["images", "stem_kernel"], ["features"], name="stem")
        input_shape = [batch, 3, *IMAGE]
        path = write_onnx([stem, *nodes], weights, input_shape, ("result",), opset)
        result = run_onnx(path, images[:batch] if isinstance(batch, int) else images, "result")
        weights["head_matrix"] = normal((result[0].size, CLASSES))
        weights["head_bias"] = normal(CLASSES)
        head = [
            helper.make_node("Flatten", ["result"], ["head_flat"], name="head_flat"),
            helper.make_node(
                "Gemm", ["head_flat", "head_matrix", "head_bias"], ["logits"], name="head"
            ),
        ]
        return write_onnx([stem, *nodes, *head], weights, input_shape, ("logits",), opset)

    def normal(shape):
        return generator.standard_normal(shape).astype(np.float32)

    return write


@pytest.fixture
def assert_agrees(run_onnx, images):
    """Checks a file's teacher against onnxruntime; returns the teacher."""
    import teachers

    def check(path, tolerance=2e-6, **arguments):  # float32 sums in another order
        teacher = teachers.load_onnx(path, **arguments)
        wanted = run_onnx(path, images)
        computed = teacher.classifier(images, training=False).numpy()
        np.testing.assert_allclose(computed, wanted, atol=tolerance * np.abs(wanted).max(), rtol=0)
        return teacher

    return check


@pytest.fixture
def randomise_statistics(generator):
    """Gives a Keras model's batch normalisations numbers as after training; returns the model."""
    import keras

    def randomise(model):
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                scale, *_ = layer.get_weights()
                low_and_high = ((0.5, 1.5), (-0.3, 0.3), (-0.3, 0.3), (0.5, 1.5))
                layer.set_weights([generator.uniform(*ends, scale.shape) for ends in low_and_high])
        return model

    return randomise


@pytest.fixture
def assert_exports(generator):
    """Checks a Keras model against its ONNX file in onnxruntime; returns the file, parsed."""
    from teachers.onnx_export.convert import to_onnx

    def check(model, tolerance=1e-5):  # float32 sums in another order
        proto = onnx.ModelProto.FromString(to_onnx(model))
        onnx.checker.check_model(proto, full_check=True)
        session = onnxruntime.InferenceSession(proto.SerializeToString())
        for batch in (BATCH, 1):
            images = generator.random((batch, *model.input_shape[1:]), dtype=np.float32)
            wanted = np.asarray(model(images, training=False))
            computed = session.run(["logits"], {"images": images.transpose(0, 3, 1, 2)})[0]
            limit = tolerance * np.abs(wanted).max()
            np.testing.assert_allclose(computed, wanted, atol=limit, rtol=0)
        return proto

    return check
