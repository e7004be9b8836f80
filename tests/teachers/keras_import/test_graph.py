import keras
import pytest

import teachers
from teachers.keras_import.graph import convolution_graph


def conv(filters, name, **options):
    return keras.layers.Conv2D(filters, 3, padding="same", name=name, **options)


def test_native_residual_network():
    model = teachers.resnet(4, (13, 11, 3), widths=(2, 3, 5), blocks=(2, 1, 1))
    graph = convolution_graph(model)
    assert graph.shortcuts == {"stage2_block1_shortcut_conv", "stage3_block1_shortcut_conv"}
    assert [name for name in graph.convolutions if name not in graph.shortcuts] == [
        "stem_conv",
        *(
            f"stage{stage}_block{block}_{part}_conv"
            for stage, block in ((1, 1), (1, 2), (2, 1), (3, 1))
            for part in ("first", "second")
        ),
    ]
    assert graph.convolutions["stage2_block1_first_conv"].shape == (None, 7, 6, 3)


@pytest.mark.parametrize("plus", [lambda a, b: a + b, lambda a, b: keras.layers.Add()([a, b])])
def test_additions_of_both_spellings(plus):
    images = keras.Input((5, 7, 3))
    long = conv(2, "b")(conv(2, "a")(images))
    short = keras.layers.DepthwiseConv2D(1, name="c")(conv(2, "d")(images))
    longer = conv(2, "e")(long)
    model = keras.Model(images, plus(longer, short))
    assert convolution_graph(model).shortcuts == {"c", "d"}


def test_a_layer_called_twice_gives_two_taps():
    images = keras.Input((5, 7, 3))
    shared = conv(3, "shared")
    graph = convolution_graph(keras.Model(images, shared(shared(images))))
    assert list(graph.convolutions) == ["shared", "shared_2"]


def test_applications_networks_have_the_papers_count():
    # ResNet-50: 53 convolutions, 4 of them projection shortcuts (the method counts 49).
    model = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3))
    graph = convolution_graph(model)
    assert len(graph.convolutions) == 53
    assert graph.shortcuts == {f"conv{stage}_block1_0_conv" for stage in range(2, 6)}
