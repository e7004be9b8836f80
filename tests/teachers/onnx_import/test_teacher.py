import keras
import numpy as np
import pytest
from onnx import helper

import teachers
from rnascl_tf import layers

NODES = [
    helper.make_node("Conv", ["images", "kernel"], ["features"], "/stem/Conv"),
    helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool"),
    helper.make_node("Flatten", ["pooled"], ["logits"], "flatten"),
]
WEIGHTS = {"kernel": np.random.default_rng(2).standard_normal((5, 3, 3, 3)).astype(np.float32)}
MEAN, STD = (0.1, 0.4, 0.7), (0.2, 0.3, 0.5)
CIFAR10_MEAN, CIFAR10_STD = (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)


@pytest.fixture
def path(write_onnx):
    return write_onnx(NODES, WEIGHTS, ["batch", 3, 7, 11])


def test_what_a_teacher_tells(path):
    teacher = teachers.load_onnx(path, num_classes=5, input_shape=(7, 11, 3), attention_size=3)
    assert teacher.name == "model"
    assert teacher.tap_names == ("stem_Conv",)
    assert teacher.num_classes == 5
    assert teacher.input_shape == (7, 11, 3)
    assert teacher.attention_size == 3
    assert len(teacher.sha256) == 64


def test_normalisation_outside_the_file(path, run_onnx, images):
    teacher = teachers.load_onnx(path, MEAN, STD)
    wanted = run_onnx(path, ((images - MEAN) / STD).astype(np.float32))
    np.testing.assert_allclose(teacher.classifier(images), wanted, atol=1e-5)
    assert teacher.verify(images).largest < 1e-5
    assert isinstance(teacher.model.layers[1], layers.PixelNormalization)


def test_a_normalisation_on_top_of_the_files_own_is_pointed_out(path, write_onnx, caplog):
    teachers.load_onnx(path, MEAN, STD)
    assert "it seems to normalise its input itself" not in caplog.text
    shift = helper.make_node("Sub", ["images", "mean"], ["shifted"], "/shift/Sub")
    first = helper.make_node("Conv", ["shifted", "kernel"], ["features"], "/stem/Conv")
    weights = WEIGHTS | {"mean": np.full((1, 3, 1, 1), 0.4, np.float32)}
    normalises = write_onnx([shift, first, *NODES[1:]], weights, ["batch", 3, 7, 11])
    teachers.load_onnx(normalises)
    assert "it seems to normalise its input itself" not in caplog.text
    teachers.load_onnx(normalises, MEAN, STD)
    assert "begins with /shift/Sub (Sub) by 'mean': it seems to normalise its input" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"num_classes": 10}, "has 5 classes, wanted 10"),
        ({"input_shape": (11, 7, 3)}, "takes images of 7x11x3, wanted 11x7x3"),
        ({"mean": MEAN}, "give both or neither"),
        ({"mean": (124, 116, 104), "std": (58, 57, 57)}, "divide them by 255"),
        ({"taps": ""}, "taps is empty"),
        ({"mean": (0.5,), "std": (0.5,)}, "mean has 1 numbers but the images have 3 channels"),
        ({"mean": MEAN, "std": (1, 0, 1)}, "must be positive"),
        ({"attention_size": 0}, "attention_size must be at least 1"),
        ({"taps": "nothing"}, "matches none of the convolutions stem_Conv"),
    ],
)
def test_what_the_caller_expects_is_checked(arguments, reason, path):
    with pytest.raises(teachers.TeacherError, match=reason) as failure:
        teachers.load_onnx(path, **arguments)
    assert "\n" not in str(failure.value)


def test_a_file_of_free_size(write_onnx, images, run_onnx):
    path = write_onnx(NODES, WEIGHTS, ["batch", 3, "height", "width"])
    with pytest.raises(teachers.TeacherError, match="anyxanyx3, which leaves a size free"):
        teachers.load_onnx(path)
    teacher = teachers.load_onnx(path, input_shape=(7, 11, 3))
    np.testing.assert_allclose(teacher.classifier(images), run_onnx(path, images), atol=1e-5)


def test_an_imported_network_saves_and_reloads(write_classifier, tmp_path, images):
    nodes = [
        helper.make_node("Clip", ["features", "low"], ["clipped"], "clip"),
        helper.make_node("Mul", ["clipped", "factor"], ["scaled"], "scale"),
        helper.make_node(
            "MaxPool", ["scaled"], ["result"], "pool", kernel_shape=[3, 2], pads=[1, 0, 1, 1]
        ),
    ]
    weights = {"low": np.float32(-0.2), "factor": np.float32([[[0.5]], [[2]], [[3]], [[5]], [[7]]])}
    teacher = teachers.load_onnx(write_classifier(nodes, weights), MEAN, STD)
    teacher.classifier.save(tmp_path / "teacher.keras")
    reloaded = keras.models.load_model(tmp_path / "teacher.keras")
    np.testing.assert_array_equal(reloaded(images), teacher.classifier(images))


@pytest.mark.parametrize(
    ("name", "normalization", "main", "every", "published_accuracy"),
    [
        ("preact_resnet18_w32", (), 17, 20, 0.7385),
        ("resnet_4b", (CIFAR10_MEAN, CIFAR10_STD), 9, 11, 0.772),
    ],
)
def test_real_teachers(
    name,
    normalization,
    main,
    every,
    published_accuracy,
    shared_folder,
    cifar10_images,
    cifar10_labels,
):
    path = shared_folder / "teachers" / f"{name}.onnx"
    teacher = teachers.load_onnx(path, *normalization, num_classes=10, input_shape=(32, 32, 3))
    assert len(teacher.tap_names) == main
    assert not any("shortcut" in tap for tap in teacher.tap_names)
    everything = teachers.load_onnx(path, *normalization, taps="all")
    assert len(everything.tap_names) == every

    verification = everything.verify(cifar10_images)
    assert set(verification.errors) == {"logits", *everything.tap_names}
    assert verification.largest < 1e-5  # measured 7e-7; the accepted 1e-3 is for stranger files

    logits, maps = teacher.signals(cifar10_images)
    assert maps.shape == (len(cifar10_images), main, 14 * 14)
    # Wrong normalisation, channel order or image orientation costs 15 points and more here.
    correct = np.argmax(logits, axis=1) == cifar10_labels
    assert correct.mean() > published_accuracy - 0.05
