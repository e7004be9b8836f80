"""Supernet and slim student are one function where they can be, and the tests name where not.

The reference is a third network, in NumPy float64, that runs any widths on sliced weights. Against it
the supernet, tap by tap, is *the supernet computed slim*: at one-hot masks it feeds on the first f_in
channels, but keeps hidden widths of 6 max(f_in) and adds shortcuts by its widest widths. The student of
`build_student` has 6 f_in hidden channels and a shortcut where f_in = f_out.
"""

import itertools

import numpy as np
import pytest

from rnascl_tf.networks import (
    SEARCH_SPACES,
    build_student,
    channel_masks,
    student_taps,
)

CLASSES = 7


def images(model):
    return np.random.default_rng(0).random((2, *model.input_shape[1:]), dtype="float32")


def choose(supernet, filters):
    """Makes the masks one-hot at these widths."""
    for mask, width in zip(channel_masks(supernet), itertools.chain(*filters), strict=True):
        mask.gumbel.logits.assign([[3.0 * (width == choice) for choice in mask.filters]])


def weights_of(model):
    """Every layer's weights as float64, by layer name."""
    return {layer.name: [np.float64(v) for v in layer.get_weights()] for layer in model.layers}


def sliced(supernet, space, filters, hidden_per_input=None):
    """The supernet's weights for the first f channels of every block.

    Hidden channels are all kept, or only the first `hidden_per_input` for each input channel.
    """
    weights = weights_of(supernet)
    blocks = space.blocks(filters)
    for block in blocks:
        hidden = None
        if hidden_per_input is not None:
            hidden = block.expansion * block.input_filters
        if block.expansion != 1:
            kernel, bias = weights[f"{block.name}_expand_conv"]
            weights[f"{block.name}_expand_conv"] = [
                kernel[:, :, : block.input_filters, :hidden],
                bias[:hidden],
            ]
            cut_norm(weights, f"{block.name}_expand_bn", hidden)
            kernel, bias = weights[f"{block.name}_depthwise_conv"]
            weights[f"{block.name}_depthwise_conv"] = [kernel[:, :, :hidden], bias[:hidden]]
            cut_norm(weights, f"{block.name}_depthwise_bn", hidden)
        kernel, bias = weights[f"{block.name}_project_conv"]
        weights[f"{block.name}_project_conv"] = [
            kernel[:, :, :hidden, : block.filters],
            bias[: block.filters],
        ]
        cut_norm(weights, f"{block.name}_project_bn", block.filters)
    last = "logits" if space.head is None else "head_expand_conv"
    kernel, *rest = weights[last]
    width = blocks[-1].filters
    weights[last] = [kernel[:width] if kernel.ndim == 2 else kernel[:, :, :width], *rest]
    return weights


def cut_norm(weights, name, channels):
    weights[name] = [vector[:channels] for vector in weights[name]]


def hard_swish(features):
    return features * np.clip(features + 3, 0, 6) / 6


def convolution(features, weights, stride=1):
    """1x1 or 3x3 with padding 1; [3, 3, C, 1] kernels are depthwise."""
    kernel, bias = weights
    side = kernel.shape[0]
    deep = kernel.shape[3] == 1 and kernel.shape[2] > 1
    padded = np.pad(features, ((0, 0), (side // 2,) * 2, (side // 2,) * 2, (0, 0)))
    height, width = (-(-size // stride) for size in features.shape[1:3])
    output = 0.0
    for row in range(side):
        for column in range(side):
            window = padded[
                :,
                row : row + stride * (height - 1) + 1 : stride,
                column : column + stride * (width - 1) + 1 : stride,
            ]
            part = kernel[row, column]
            output = output + (window * part[:, 0] if deep else window @ part)
    return output + bias


def norm(features, weights):
    gamma, beta, mean, variance = weights
    return gamma * (features - mean) / np.sqrt(variance + 1e-5) + beta


def numpy_network(pixels, weights, blocks, shortcuts, head):
    """Returns (logits, taps) in evaluation mode.

    Where `shortcuts` says so, the channels that a block's input and output share are added.
    """
    taps = {}

    def tapped(features, name, stride=1, activation=True):
        features = norm(
            convolution(features, weights[f"{name}_conv"], stride), weights[f"{name}_bn"]
        )
        taps[name] = hard_swish(features) if activation else features
        return taps[name]

    features = tapped((np.float64(pixels) - 0.5) / 0.25, "stem", 2)
    for block, shortcut in zip(blocks, shortcuts, strict=True):
        hidden = features
        if block.expansion != 1:
            hidden = tapped(hidden, f"{block.name}_expand")
        hidden = tapped(hidden, f"{block.name}_depthwise", block.stride)
        output = tapped(hidden, f"{block.name}_project", activation=False).copy()
        if shortcut:
            shared = min(features.shape[-1], output.shape[-1])
            output[..., :shared] += features[..., :shared]
        features = output
    if head is not None:
        features = tapped(features, "head_expand").mean((1, 2), keepdims=True)
        features = hard_swish(convolution(features, weights["head_project_conv"]))
    kernel, bias = weights["logits"]
    return features.mean((1, 2)) @ kernel + bias, taps


def widest_shortcuts(space):
    return [block.residual for block in space.blocks(space.widest)]


def slim_shortcuts(space, filters):
    return [block.residual for block in space.blocks(filters)]


def differing(taps, others):
    """Names of the taps that differ in the channels which both networks have."""
    names = []
    assert list(taps) == list(others)
    for name, tap in taps.items():
        ours, theirs = np.asarray(tap), np.asarray(others[name])
        channels = min(ours.shape[-1], theirs.shape[-1])
        ours, theirs = ours[..., :channels], theirs[..., :channels]
        # float32 against float64, or two orders of summation, over up to 64 layers: measured
        # below 2e-5 of the largest activation. A real difference is of its order.
        if np.abs(ours - theirs).max() > 2e-4 * np.abs(theirs).max():
            names.append(name)
    return names


@pytest.mark.parametrize("name", SEARCH_SPACES)
def test_one_hot_supernet_is_the_supernet_computed_slim(name, supernet_of):
    space, supernet = SEARCH_SPACES[name], supernet_of(name)
    generator = np.random.default_rng(len(name) + space.depth)
    filters = [
        [int(generator.choice(stage.choices)) for _ in range(stage.depth)] for stage in space.stages
    ]
    choose(supernet, filters)
    outputs = supernet(images(supernet), training=False)
    logits, taps = numpy_network(
        images(supernet),
        sliced(supernet, space, filters),
        space.blocks(filters),
        widest_shortcuts(space),
        space.head,
    )
    assert differing(outputs["taps"], taps) == []
    assert np.abs(logits).max() > 0.01
    np.testing.assert_allclose(outputs["logits"], logits, rtol=1e-3, atol=1e-4)
    # A project tap is taken before the mask: the supernet's has channels that no slim network has.
    last = space.blocks(filters)[-1]
    assert outputs["taps"][f"{last.name}_project"].shape[-1] == last.choices[0]
    assert taps[f"{last.name}_project"].shape[-1] == last.filters


@pytest.mark.parametrize("name", SEARCH_SPACES)
def test_supernet_is_the_student_at_the_widest_choice(name, supernet_of):
    space, supernet = SEARCH_SPACES[name], supernet_of(name)
    choose(supernet, space.widest)
    student = student_of(name, space.widest, supernet.input_shape[1:])
    for layer in student.layers:
        layer.set_weights(supernet.get_layer(layer.name).get_weights())
    ours = supernet(images(supernet), training=False)
    theirs = student_taps(student)(images(supernet), training=False)
    assert np.abs(ours["logits"]).max() > 0.01
    assert [t.shape for t in ours["taps"].values()] == [t.shape for t in theirs["taps"].values()]
    assert differing(ours["taps"], theirs["taps"]) == []
    np.testing.assert_allclose(ours["logits"], theirs["logits"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("S3", [[12, 16, 16], [28, 24, 24], [60, 56, 52]]),
        ("IS", [[12], [24, 16, 28], [28, 40, 36], [48, 96, 64]]),  # 28 -> 28, but at stride 2
    ],
)
def test_student_is_the_numpy_network(name, filters, randomize):
    """The slim network itself, against arithmetic that shares no code with it."""
    space = SEARCH_SPACES[name]
    student = randomize(student_of(name, filters, (33, 29, 3)), seed=4)
    outputs = student_taps(student)(images(student), training=False)
    logits, taps = numpy_network(
        images(student),
        weights_of(student),
        space.blocks(filters),
        slim_shortcuts(space, filters),
        space.head,
    )
    assert [t.shape for t in outputs["taps"].values()] == [t.shape for t in taps.values()]
    assert differing(outputs["taps"], taps) == []
    np.testing.assert_allclose(outputs["logits"], logits, rtol=1e-3, atol=1e-4)


def student_of(name, filters, input_shape):
    return build_student(
        {
            "space": name,
            "filters": filters,
            "num_classes": CLASSES,
            "input_shape": input_shape,
        }
    )


def student_with_weights_of(supernet, filters):
    """The S3 student with the first channels of the supernet's weights, hidden ones included."""
    student = student_of("S3", filters, supernet.input_shape[1:])
    weights = sliced(supernet, SEARCH_SPACES["S3"], filters, hidden_per_input=6)
    for layer in student.layers:
        layer.set_weights(weights[layer.name])
    return student


def silence_surplus_hidden_channels(supernet, filters):
    """Lets the supernet's projections read only the 6 f_in hidden channels of the student's."""
    for block in SEARCH_SPACES["S3"].blocks(filters):
        layer = supernet.get_layer(f"{block.name}_project_conv")
        kernel, bias = layer.get_weights()
        kernel[:, :, 6 * block.input_filters :] = 0.0
        layer.set_weights([kernel, bias])


@pytest.fixture
def supernet(supernet_of):
    """S3's, whose weights a test may change."""
    model = supernet_of("S3")
    weights = model.get_weights()
    yield model
    model.set_weights(weights)


def test_hidden_widths_are_where_the_papers_student_differs_from_the_supernet(supernet):
    """S3 at 16 / 20 / 52: after a block of 20 channels the student has 120 hidden ones, not 192."""
    filters = [[16] * 3, [20] * 3, [52] * 3]
    choose(supernet, filters)
    slim = student_taps(student_with_weights_of(supernet, filters))(images(supernet))["taps"]
    wide = supernet(images(supernet))["taps"]
    assert (wide["stage2_block2_expand"].shape[-1], slim["stage2_block2_expand"].shape[-1]) == (
        192,
        120,
    )
    names = differing(wide, slim)
    assert names[0] == "stage2_block2_project"
    # Every later tap depends on it; and nothing else is different, as silencing shows.
    assert len(names) == list(wide)[::-1].index(names[0]) + 1
    silence_surplus_hidden_channels(supernet, filters)
    assert differing(supernet(images(supernet))["taps"], slim) == []


@pytest.mark.parametrize(
    ("filters", "first_difference"),
    [
        ([[12, 12, 12], [20] * 3, [52] * 3], "stage1_block2_expand"),  # 16 -> 12 after the stem
        ([[16] * 3, [20, 24, 24], [52] * 3], "stage2_block3_expand"),  # 20 -> 24
        ([[16] * 3, [20] * 3, [56, 52, 52]], "stage3_block3_expand"),  # 56 -> 52
    ],
)
def test_shortcuts_are_the_other_difference(filters, first_difference, supernet):
    """Where neighbouring widths differ the student has no shortcut; the supernet adds what fits."""
    space = SEARCH_SPACES["S3"]
    choose(supernet, filters)
    student = student_with_weights_of(supernet, filters)
    silence_surplus_hidden_channels(supernet, filters)
    wide = supernet(images(supernet))["taps"]
    slim = student_taps(student)(images(supernet))["taps"]
    assert differing(wide, slim)[0] == first_difference
    weights, blocks = weights_of(student), space.blocks(filters)
    _, with_shortcuts = numpy_network(
        images(supernet), weights, blocks, widest_shortcuts(space), space.head
    )
    assert differing(wide, with_shortcuts) == []
