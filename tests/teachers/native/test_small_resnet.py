import keras
import numpy as np
import pytest

from teachers.native.small_resnet import resnet


def test_parameters_of_every_layer():
    model = resnet(11, (13, 17, 3), widths=(2, 5, 7), blocks=(2, 1, 1))
    batch_norm = 2  # trainable numbers per channel
    stem = 3 * 3 * 3 * 2 + batch_norm * 2
    stage1 = 4 * (3 * 3 * 2 * 2 + batch_norm * 2)
    stage2 = 3 * 3 * 2 * 5 + 3 * 3 * 5 * 5 + 2 * 5 + 3 * batch_norm * 5
    stage3 = 3 * 3 * 5 * 7 + 3 * 3 * 7 * 7 + 5 * 7 + 3 * batch_norm * 7
    dense = 7 * 11 + 11
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert trainable == stem + stage1 + stage2 + stage3 + dense


@pytest.mark.parametrize(
    ("stem_stride", "sizes"),
    [(1, [(13, 17), (13, 17), (7, 9), (4, 5)]), (2, [(7, 9), (7, 9), (4, 5), (2, 3)])],
)
def test_resolution_of_every_stage(stem_stride, sizes):
    model = resnet(11, (13, 17, 3), stem_stride=stem_stride)
    names = ["stem_conv", *(f"stage{stage}_block1_second_conv" for stage in (1, 2, 3))]
    assert [model.get_layer(name).output.shape[1:3] for name in names] == sizes


def test_strided_convolutions_pad_like_pytorch():
    model = resnet(3, (6, 6, 1), (1,), (1,), stem_stride=2)
    kernel = np.arange(9, dtype=np.float32).reshape(3, 3)
    model.get_layer("stem_conv").set_weights([kernel[:, :, None, None]])
    image = np.random.default_rng(1).random((6, 6), dtype=np.float32)
    padded = np.pad(image, 1)
    wanted = [
        [(padded[row : row + 3, column : column + 3] * kernel).sum() for column in (0, 2, 4)]
        for row in (0, 2, 4)
    ]
    stem = keras.Model(model.input, model.get_layer("stem_conv").output)
    np.testing.assert_allclose(stem(image[None, :, :, None])[0, :, :, 0], wanted, rtol=1e-5)


def test_initial_weights():
    model = resnet(997, (8, 8, 3), widths=(64, 64), blocks=(1, 1), seed=1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel = layer.get_weights()[0]
            std = np.sqrt(2 / (kernel.shape[0] * kernel.shape[1] * kernel.shape[3]))
            # Of n normal draws the standard deviation is off by 1 / sqrt(2 n); four times that.
            assert kernel.std() == pytest.approx(std, rel=4 / np.sqrt(2 * kernel.size))
            assert np.abs(kernel).max() > 2.5 * std  # not truncated
    kernel, bias = model.get_layer("logits").get_weights()
    assert kernel.std() == pytest.approx(0.01, rel=0.02)
    assert not bias.any()


def test_seeds_are_per_layer_and_repeat():
    first, again, other = (resnet(3, (8, 8, 3), (4,), (2,), seed=s) for s in (1, 1, 2))
    for left, right in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    names = [f"stage1_block{b}_{part}_conv" for b in (1, 2) for part in ("first", "second")]
    kernels = [net.get_layer(n).get_weights()[0].tobytes() for net in (first, other) for n in names]
    assert len(set(kernels)) == len(kernels)


def test_normalisation_is_inside(images):
    plain = resnet(3, (7, 11, 3), (2,), (1,), seed=5)
    mean, std = (0.1, 0.4, 0.7), (0.2, 0.3, 0.5)
    inside = resnet(3, (7, 11, 3), (2,), (1,), mean, std, seed=5)
    outside = ((images - mean) / std).astype(np.float32)
    np.testing.assert_allclose(inside(images), plain(outside), atol=1e-6)


def test_training_argument_is_obeyed(images):
    model = resnet(3, (7, 11, 3), (2,), (1,), batch_norm_momentum=0.9)
    moving_mean = model.get_layer("stem_bn").moving_mean
    still = model(images, training=False)
    assert not moving_mean.numpy().any()
    moving = model(images, training=True)
    assert np.abs(moving - still).max() > 1e-3
    stem = keras.Model(model.input, model.get_layer("stem_conv").output)
    batch_mean = stem(images).numpy().mean(axis=(0, 1, 2))
    np.testing.assert_allclose(moving_mean.numpy(), 0.1 * batch_mean, rtol=1e-4)


def test_it_saves_and_reloads(tmp_path, images):
    model = resnet(3, (7, 11, 3), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        keras.models.load_model(tmp_path / "model.keras")(images), model(images)
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"widths": (2, 3), "blocks": (1,)}, "one positive number per network stage"),
        ({"widths": (), "blocks": ()}, "one positive number per network stage"),
        ({"widths": (2,), "blocks": (0,)}, "one positive number per network stage"),
        ({"num_classes": 1}, "num_classes must be at least 2"),
        ({"stem_stride": 3}, "stem_stride must be 1 or 2"),
        ({"mean": (0.5, 0.5, 0.5)}, "both mean and std"),
    ],
)
def test_impossible_networks_are_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        resnet(**{"num_classes": 3, "input_shape": (7, 11, 3), **arguments})
