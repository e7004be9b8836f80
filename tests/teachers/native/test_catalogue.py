import keras
import numpy as np
import pytest

import teachers
from teachers.native import build

IMAGENET_SIZE, CIFAR_SIZE = (67, 71, 3), (13, 17, 3)
MEAN, STD = (0.1, 0.4, 0.7), (0.2, 0.3, 0.5)


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def residual_sum(widths, depths, width_in, block):
    """Adds block(width_in, width) over all blocks of all stages."""
    total = 0
    for width, depth in zip(widths, depths, strict=True):
        for _ in range(depth):
            parameters, width_in = block(width_in, width)
            total += parameters
    return total, width_in


def preactivation(width_in, width):
    shortcut = width_in * width if width_in != width else 0
    return 2 * width_in + 9 * width_in * width + 2 * width + 9 * width**2 + shortcut, width


@pytest.mark.parametrize(
    ("name", "num_classes", "size", "published", "taps"),
    [
        # torchvision.models: `num_params` of each network's weights.
        ("resnet18", 1000, IMAGENET_SIZE, 11_689_512, 17),
        ("resnet50", 1000, IMAGENET_SIZE, 25_557_032, 49),
        ("wide_resnet50_2", 1000, IMAGENET_SIZE, 68_883_240, 49),
        # github.com/kuangliu/pytorch-cifar, as counted in several tables of its users.
        ("resnet18", 10, CIFAR_SIZE, 11_173_962, 17),
        ("resnet50", 10, CIFAR_SIZE, 23_520_842, 49),
        # 11,171,146 there, without the 2 * 512 of the last batch normalisation, which Rice 2020 and
        # most robust checkpoints have.
        ("preact_resnet18", 10, CIFAR_SIZE, 11_171_146 + 2 * 512, 17),
        # Published rounded, 46.2M (Rice 2020); the exact number is added up below.
        ("wide_resnet34_10", 10, CIFAR_SIZE, 46_160_474, 31),
    ],
)
def test_published_parameter_and_tap_counts(name, num_classes, size, published, taps):
    model = build(name, num_classes, size)
    assert model.name == name
    assert model.output_shape == (None, num_classes)
    assert trainable(model) == published
    assert len(teachers.from_keras(model).tap_names) == taps


@pytest.mark.parametrize(
    ("stem", "widths", "depths", "published"),
    [(16, (160, 320, 640), (5, 5, 5), 46_160_474), (64, (64, 128, 256, 512), (2,) * 4, 11_172_170)],
)
def test_counts_of_the_preactivation_networks_add_up(stem, widths, depths, published):
    body, width = residual_sum(widths, depths, stem, preactivation)
    assert 27 * stem + body + 2 * width + 10 * width + 10 == published


@pytest.mark.parametrize(("name", "kernel"), [("resnet18", (7, 7)), ("preact_resnet18", (3, 3))])
def test_stem_follows_the_image_size(name, kernel):
    assert build(name, 2, (64, 67, 3)).get_layer("stem_conv").kernel_size == kernel


def test_stem_can_be_chosen():
    first = build("resnet18", 5, (64, 61, 3)).get_layer("stem_conv")
    assert first.kernel_size == (3, 3)  # one side is under 64
    assert build("resnet18", 5, (64, 64, 3), stem="cifar").get_layer("stem_conv").strides == (1, 1)
    small = build("resnet18", 5, (32, 32, 3), stem="imagenet")
    assert small.get_layer("stage1_block1_first_conv").output.shape == (None, 8, 8, 64)


def test_normalisation_momentum_and_seed_are_passed_on(generator):
    images = generator.random((2, *CIFAR_SIZE), dtype=np.float32)
    plain = build("preact_resnet18", 3, CIFAR_SIZE, seed=5)
    inside = build(
        "preact_resnet18", 3, CIFAR_SIZE, mean=MEAN, std=STD, batch_norm_momentum=0.5, seed=5
    )
    # The same weights: by seed and layer name, whatever else differs.
    outside = ((images - MEAN) / STD).astype(np.float32)
    np.testing.assert_allclose(inside(images), plain(outside), rtol=1e-4, atol=1e-6)
    assert inside.get_layer("final_bn").momentum == 0.5
    other = build("preact_resnet18", 3, CIFAR_SIZE, seed=6)
    assert np.abs(other(images) - plain(images)).max() > 1e-3


def test_evaluation_mode_leaves_statistics_alone(generator):
    images = generator.random((2, 7, 11, 3), dtype=np.float32)
    model = build("resnet18", 3, (7, 11, 3))
    before = [weight.copy() for weight in model.get_weights()]
    still = np.asarray(model(images, training=False))
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert np.abs(model(images, training=True) - still).max() > 1e-3
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 20
    assert all(layer.epsilon == 1e-5 and layer.moving_mean.numpy().any() for layer in norms)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"name": "resnet19"}, "unknown network 'resnet19'; choose one of resnet18, resnet50"),
        ({"stem": "large"}, "unknown stem 'large'; choose one of cifar, imagenet"),
        ({"name": "wide_resnet34_10", "stem": "imagenet"}, "has no stem 'imagenet'"),
        ({"num_classes": 1}, "num_classes must be at least 2, got 1"),
        ({"input_shape": (7, 11)}, r"must be \(height, width, channels\), got \(7, 11\)"),
        ({"input_shape": (7, 11, 0)}, r"must be \(height, width, channels\)"),
        ({"input_shape": ()}, r"must be \(height, width, channels\)"),
        ({"mean": MEAN}, "both mean and std"),
        ({"mean": (0.5,), "std": (0.5,)}, "the images have 3 channels"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, reason):
    with pytest.raises(teachers.TeacherError, match=reason) as failure:
        build(**{"name": "resnet18", "num_classes": 3, "input_shape": (7, 11, 3), **arguments})
    assert "\n" not in str(failure.value)
