import keras
import pytest

from teachers.native.blocks import basic_block, preactivation_block
from teachers.native.network import ResidualNetwork, classifier
from teachers.native.stems import IMAGENET_STEM, Stem

SMALL = {"mean": None, "std": None, "batch_norm_momentum": 0.9, "seed": 0, "name": "small"}


def names(model):
    return [layer.name for layer in model.layers]


def test_order_of_a_post_activation_network():
    network = ResidualNetwork(basic_block, (1,), (5,), 5)
    model = classifier(network, 3, (23, 29, 3), IMAGENET_STEM, **SMALL)
    assert names(model) == [
        *("images", "stem_pad", "stem_conv", "stem_bn", "stem_relu", "stem_pool_pad", "stem_pool"),
        *("stage1_block1_first_conv", "stage1_block1_first_bn", "stage1_block1_first_relu"),
        *("stage1_block1_second_conv", "stage1_block1_second_bn"),
        *("stage1_block1_add", "stage1_block1_relu", "pool", "logits"),
    ]
    assert model.get_layer("stem_conv").output.shape == (None, 12, 15, 5)
    assert model.get_layer("stem_pool").output.shape == (None, 6, 8, 5)


def test_a_preactivation_network_starts_bare_and_ends_activated():
    network = ResidualNetwork(preactivation_block, (1, 1), (5, 7), 2, is_preactivated=True)
    options = SMALL | {"mean": (0.1, 0.4, 0.7), "std": (0.2, 0.3, 0.5)}
    model = classifier(network, 3, (7, 11, 3), Stem(3, 1, has_pool=False), **options)
    assert names(model)[:4] == [
        *("images", "normalization", "stem_conv", "stage1_block1_first_bn"),
    ]
    assert names(model)[-4:] == ["final_bn", "final_relu", "pool", "logits"]
    assert model.get_layer("final_relu").output.shape == (None, 4, 6, 7)
    projections = [name for name in names(model) if name.endswith("shortcut_conv")]
    assert projections == ["stage1_block1_shortcut_conv", "stage2_block1_shortcut_conv"]


def test_each_stage_but_the_first_halves_the_resolution():
    network = ResidualNetwork(basic_block, (2, 1, 2), (2, 3, 5), 2)
    model = classifier(network, 3, (13, 17, 3), Stem(3, 1, has_pool=False), **SMALL)
    strided = [
        layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.strides == (2, 2)
    ]
    assert set(strided) == {
        f"stage{stage}_block1_{part}_conv" for stage in (2, 3) for part in ("first", "shortcut")
    }


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"num_classes": 1}, "at least 2, got 1"),
        ({"input_shape": (7, 11, 3, 1)}, r"must be \(height, width, channels\)"),
        ({"std": (0.5, 0.5, 0.5)}, "both mean and std"),
    ],
)
def test_impossible_networks_are_refused(arguments, reason):
    options = {"num_classes": 3, "input_shape": (7, 11, 3), **SMALL, **arguments}
    with pytest.raises(ValueError, match=reason):
        classifier(ResidualNetwork(basic_block, (1,), (5,), 5), stem=Stem(3, 1, False), **options)
