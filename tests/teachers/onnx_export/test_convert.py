import keras
import numpy as np
import onnx
import pytest

import teachers
from teachers.native import build
from teachers.onnx_export.convert import to_onnx

MEAN, STD = (0.1, 0.4, 0.7), (0.2, 0.3, 0.5)


@pytest.fixture
def read_back(tmp_path):
    """Writes a parsed ONNX file and loads it as a teacher."""

    def read(proto, **arguments):
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        return teachers.load_onnx(path, **arguments)

    return read


@pytest.mark.parametrize(
    ("name", "size", "taps"),
    [
        ("resnet18", (67, 71, 3), 17),  # with the ImageNet stem and its pool
        ("preact_resnet18", (13, 17, 3), 17),
    ],
)
def test_native_networks(
    name, size, taps, assert_exports, read_back, randomise_statistics, generator
):
    model = randomise_statistics(build(name, 7, size, mean=MEAN, std=STD))
    proto = assert_exports(model)
    assert len(proto.graph.node) < 3 + len(model.layers)  # no Transpose, no Pad
    convolutions = [n.name for n in proto.graph.node if n.op_type == "Conv"]
    layers = [n.name for n in model.layers if isinstance(n, keras.layers.Conv2D)]
    assert sorted(convolutions) == sorted(layers)

    teacher = read_back(proto, num_classes=7, input_shape=size)
    assert teacher.tap_names == teachers.from_keras(model).tap_names
    assert len(teacher.tap_names) == taps
    images = generator.random((3, *size), dtype=np.float32)
    wanted = np.asarray(model(images, training=False))
    computed = teacher.classifier(images, training=False)
    np.testing.assert_allclose(computed, wanted, atol=1e-5 * np.abs(wanted).max(), rtol=0)
    assert teacher.verify(images).largest < 1e-5


def test_the_small_network(assert_exports, read_back, randomise_statistics):
    model = teachers.resnet(5, (7, 11, 3), mean=MEAN, std=STD, stem_stride=2)
    proto = assert_exports(randomise_statistics(model))
    assert read_back(proto).tap_names == teachers.from_keras(model).tap_names


@pytest.mark.parametrize(("name", "taps"), [("preact_resnet18_w32", 17), ("resnet_4b", 9)])
def test_an_imported_teacher_is_written_as_it_came(
    name, taps, shared_folder, run_onnx, cifar10_images, tmp_path
):
    source = shared_folder / "teachers" / f"{name}.onnx"
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(to_onnx(teachers.load_onnx(source).classifier))
    # One by one: the batch of one of the files is fixed to 1, that of its copy is free.
    wanted = np.concatenate([run_onnx(source, image[None]) for image in cifar10_images])
    np.testing.assert_allclose(
        run_onnx(copy, cifar10_images), wanted, atol=1e-5 * np.abs(wanted).max(), rtol=0
    )
    assert len(teachers.load_onnx(copy).tap_names) == taps


def test_what_the_file_says_of_itself():
    model = teachers.resnet(5, (7, 11, 3), widths=(2,), blocks=(1,), mean=MEAN, std=STD)
    proto = onnx.ModelProto.FromString(to_onnx(model))
    assert [(e.domain, e.version) for e in proto.opset_import] == [("", 17)]
    assert proto.ir_version == 10
    for value, name, sizes in (
        (proto.graph.input[0], "images", [3, 7, 11]),
        (proto.graph.output[0], "logits", [5]),
    ):
        batch, *others = value.type.tensor_type.shape.dim
        assert (value.name, batch.dim_param) == (name, "batch")
        assert [dim.dim_value for dim in others] == sizes
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert [(node.op_type, node.name) for node in proto.graph.node] == [
        ("Sub", "normalization.shift"),
        ("Div", "normalization"),
        ("Conv", "stem_conv"),
        ("BatchNormalization", "stem_bn"),
        ("Relu", "stem_relu"),
        ("Conv", "stage1_block1_first_conv"),
        ("BatchNormalization", "stage1_block1_first_bn"),
        ("Relu", "stage1_block1_first_relu"),
        ("Conv", "stage1_block1_second_conv"),
        ("BatchNormalization", "stage1_block1_second_bn"),
        ("Add", "stage1_block1_add"),
        ("Relu", "stage1_block1_relu"),
        ("GlobalAveragePool", "pool"),
        ("Flatten", "pool.flatten"),
        ("Gemm", "logits"),
    ]


def test_the_same_model_gives_the_same_bytes():
    models = [teachers.resnet(5, (7, 11, 3), widths=(2,), blocks=(1,), seed=s) for s in (1, 1, 2)]
    first, again, other = map(to_onnx, models)
    assert first == again != other


def test_sequential_models_and_layers_called_twice(assert_exports):
    twice = keras.layers.Conv2D(3, 3, padding="same", name="twice")
    layers = [twice, keras.layers.ReLU(), twice, keras.layers.Dropout(0.5)]
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(5), keras.layers.Identity()]
    proto = assert_exports(keras.Sequential([keras.Input((7, 11, 3)), *layers, *head]))
    assert [n.name for n in proto.graph.node if n.op_type == "Conv"] == ["twice", "twice_2"]


def test_what_the_output_does_not_need_is_not_written(assert_exports):
    images = keras.Input((7, 11, 3))
    features = keras.layers.Conv2D(3, 3)(images)
    keras.layers.Conv2D(5, 3, name="unused")(features)
    logits = keras.layers.Dense(2)(keras.layers.Flatten()(features))
    proto = assert_exports(keras.Model(images, logits))
    assert len([node for node in proto.graph.node if node.op_type == "Conv"]) == 1


def test_all_layers_that_cannot_be_written_are_listed_at_once():
    images = keras.Input((7, 11, 3))
    features = keras.layers.Conv2D(3, 3)(images)
    for name in ("first", "second"):
        features = keras.layers.GaussianNoise(0.1, name=name)(features)
    features = keras.layers.Permute((2, 1, 3), name="third")(features + 1)
    features = keras.layers.Conv2D(2, 3, padding="same", name="fine")(features)
    logits = keras.layers.Softmax(name="fourth")(keras.layers.GlobalAveragePooling2D()(features))
    with pytest.raises(teachers.TeacherError) as failure:
        to_onnx(keras.Model(images, logits, name="odd"))
    message = str(failure.value)
    assert (
        "model 'odd' cannot be written as ONNX: GaussianNoise: this kind of layer is unknown"
        in message
    )
    for listed in (
        "(at first, second)",
        "Add: this kind of layer",
        "(at third)",
        "Softmax: this kind",
    ):
        assert listed in message
    assert "fine" not in message  # what reads a refused layer is not refused for it
    assert "Supported are Activation, Add, AveragePooling2D" in message
    assert "\n" not in message


class Subclassed(keras.Model):
    def call(self, images):
        return images


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda images, logits: Subclassed(name="own"), "'own' is not a functional Keras model"),
        (lambda images, logits: keras.Model(images, [logits, logits]), "one input and one output"),
        (lambda images, logits: "a path", "'a path' is not a functional Keras model"),
        (lambda images, logits: keras.Model(images, images), "of fixed size to logits"),
    ],
)
def test_models_that_are_not_classifiers_are_refused(make, reason):
    images = keras.Input((7, 11, 3))
    logits = keras.layers.Dense(5)(keras.layers.Flatten()(images))
    with pytest.raises(teachers.TeacherError, match=reason) as failure:
        to_onnx(make(images, logits))
    assert "\n" not in str(failure.value)


def test_images_of_free_size_are_refused():
    images = keras.Input((None, None, 3))
    logits = keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(images))
    with pytest.raises(teachers.TeacherError, match="of fixed size"):
        to_onnx(keras.Model(images, logits))
