import hypothesis
import keras
import pytest
from hypothesis import strategies

from teachers.layers.constant_layers import LowestPadding

UNEQUAL = ((1, 0), (2, 1))


def attributes(node):
    return {a.name: list(a.ints) if a.ints else a.i for a in node.attribute}


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": (3, 2)},
        {"kernel_size": (2, 3), "strides": (2, 3), "padding": "same"},
        {"kernel_size": (3, 4), "strides": (3, 2), "padding": "same", "use_bias": False},
        {"kernel_size": (3, 2), "dilation_rate": (2, 3), "padding": "same"},
        {"kernel_size": 3, "groups": 5, "activation": "relu"},
    ],
)
def test_convolution(options, agreed):
    nodes = agreed(lambda features: keras.layers.Conv2D(10, name="some", **options)(features))
    assert nodes["some"].op_type == "Conv"
    assert len(nodes["some"].input) == 2 + options.get("use_bias", True)
    assert ("some.activation" in nodes) == ("activation" in options)


@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_depthwise_convolution(multiplier, padding, agreed):
    layer = keras.layers.DepthwiseConv2D(
        (3, 2), strides=2, padding=padding, depth_multiplier=multiplier, name="some"
    )
    assert attributes(agreed(layer)["some"])["group"] == 5


def test_a_convolution_takes_up_the_padding_before_it(agreed):
    def write(features):
        padded = keras.layers.ZeroPadding2D(UNEQUAL, name="pad")(features)
        return keras.layers.Conv2D(3, (2, 4), strides=2, padding="same", name="some")(padded)

    nodes = agreed(write)
    assert "pad" not in nodes
    # 8x14 pixels with the padding layer's 1, 2, 0, 1; SAME adds 0 rows and 1 column on each side.
    assert attributes(nodes["some"])["pads"] == [1, 3, 0, 2]


@pytest.mark.parametrize("kind", [keras.layers.MaxPooling2D, keras.layers.AveragePooling2D])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "strides"), [((3, 2), (2, 3)), (2, None), ((2, 5), (1, 2))])
def test_pools(kind, padding, size, strides, agreed):
    agreed(kind(size, strides, padding, name="some"))


@pytest.mark.parametrize(
    ("padding_layer", "pool"),
    [
        (LowestPadding, keras.layers.MaxPooling2D),
        (keras.layers.ZeroPadding2D, keras.layers.AveragePooling2D),
    ],
)
def test_a_pool_takes_up_the_padding_before_it(padding_layer, pool, agreed):
    def write(features):
        return pool((3, 4), 2, name="some")(padding_layer(UNEQUAL, name="pad")(features))

    nodes = agreed(write)
    assert "pad" not in nodes
    assert attributes(nodes["some"])["pads"] == [1, 2, 0, 1]
    if pool is keras.layers.AveragePooling2D:
        assert attributes(nodes["some"])["count_include_pad"] == 1


@pytest.mark.parametrize(
    ("padding_layer", "pool", "size", "same", "reason"),
    [
        # Zeros win over negative features, which ONNX' own padding of a maximum does not.
        (keras.layers.ZeroPadding2D, keras.layers.MaxPooling2D, 3, "valid", "is by 0, wanted -3.4"),
        (LowestPadding, keras.layers.AveragePooling2D, 3, "valid", "is by -3.40282e+38, wanted 0"),
        (LowestPadding, keras.layers.MaxPooling2D, 2, "valid", "is as large as its window (2, 2)"),
        # 2 columns on the left, and 1 that SAME adds there.
        (LowestPadding, keras.layers.MaxPooling2D, 3, "same", "is as large as its window (3, 3)"),
        (
            keras.layers.ZeroPadding2D,
            keras.layers.AveragePooling2D,
            4,
            "same",
            "is counted in the mean, its own",
        ),
    ],
)
def test_padding_that_a_pool_cannot_take_up_is_refused(
    padding_layer, pool, size, same, reason, refusal
):
    def write(features):
        padded = padding_layer(UNEQUAL, name="pad")(features)
        return pool(size, strides=1, padding=same, name="some")(padded)

    assert reason in refusal(write)


def test_a_convolution_does_not_take_up_what_is_not_zero(refusal):
    def write(features):
        return keras.layers.Conv2D(2, 3, name="some")(LowestPadding(UNEQUAL)(features))

    assert "Conv2D: the padding before it is by -3.40282e+38, wanted 0 (at some)" in refusal(write)


def test_channels_first_is_refused(refusal):
    layer = keras.layers.MaxPooling2D(2, data_format="channels_first", name="some")
    assert "MaxPooling2D: it is channels first, wanted channels last (at some)" in refusal(layer)


@hypothesis.settings(
    max_examples=15,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
    kernel=strategies.tuples(strategies.integers(1, 4), strategies.integers(1, 5)),
    stride=strategies.integers(1, 3),
    before=strategies.tuples(*[strategies.integers(0, 4)] * 4),
    padding=strategies.sampled_from(["same", "valid"]),
    kind=strategies.sampled_from(["convolution", "maximum", "mean"]),
)
def test_any_window_after_any_padding(agreed, kernel, stride, before, padding, kind):
    if kind == "convolution":
        limits, window = (4, 4), keras.layers.Conv2D(2, kernel, stride, padding)
    else:  # a pool takes up less than its window, and pads by one means only
        limits = [size - 1 if padding == "valid" else 0 for size in kernel]
        pool = {"maximum": keras.layers.MaxPooling2D, "mean": keras.layers.AveragePooling2D}[kind]
        window = pool(kernel, stride, padding)
    top, bottom, left, right = (
        min(pixels, limits[index // 2]) for index, pixels in enumerate(before)
    )
    pad = LowestPadding if kind == "maximum" else keras.layers.ZeroPadding2D
    agreed(lambda features: window(pad(((top, bottom), (left, right)))(features)))
