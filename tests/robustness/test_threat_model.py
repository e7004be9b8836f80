import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel, parse_epsilon


def test_defaults_follow_the_contract():
    threat_model = ThreatModel(8 / 255)
    assert dataclasses.astuple(threat_model) == (8 / 255, "linf", (0.0, 1.0), "pixel", None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        threat_model.epsilon = 0.1


@pytest.mark.parametrize("epsilon", [0, 0.0, 1, 1.0])
def test_ends_of_the_range_are_allowed(epsilon):
    assert ThreatModel(epsilon).epsilon == float(epsilon)


def test_bounds_become_two_floats():
    assert ThreatModel(0.1, bounds=[0, 1]).bounds == (0.0, 1.0)
    hash(ThreatModel(0.1, bounds=[0, 1]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epsilon": 8}, r"epsilon is 8, more than the whole pixel range.*divide it by 255"),
        ({"epsilon": -0.1}, "at least 0"),
        ({"epsilon": math.nan}, "finite"),
        ({"epsilon": math.inf}, "finite"),
        ({"epsilon": "8/255"}, "parse_epsilon"),
        ({"epsilon": None}, "NoneType"),
        ({"epsilon": True}, "bool"),
        ({"epsilon": 0.1, "norm": "l1"}, "norm is 'l1'; known norms: linf, l2"),
        ({"epsilon": 128, "norm": "l2"}, r"epsilon is 128, over 20; divide it by 255.*0\.50196"),
        ({"epsilon": 0.1, "space": "normalized"}, r"std=None; give.*standard deviation"),
        ({"epsilon": 0.1, "space": "normalized", "std": (0.2, 0.0)}, "standard deviation"),
        ({"epsilon": 0.1, "space": "normalized", "std": ()}, "standard deviation"),
        (
            {"epsilon": 8, "space": "normalized", "std": (0.2, 0.25, 0.3)},
            r"epsilon is 8, over 5; divide",
        ),
        ({"epsilon": 0.1, "std": (0.2,)}, "space='pixel', where it means nothing"),
        ({"epsilon": 0.1, "space": "feature"}, "known spaces: pixel, normalized"),
        ({"epsilon": 0.1, "bounds": (0, 255)}, "Divide pixel values by 255"),
        ({"epsilon": 0.1, "bounds": (1, 0)}, "low < high"),
        ({"epsilon": 0.1, "bounds": (0.0, math.nan)}, "low < high"),
        ({"epsilon": 0.1, "bounds": 1.0}, "lowest and the highest"),
        ({"epsilon": 0.1, "bounds": (0, 0.5, 1)}, "lowest and the highest"),
    ],
)
def test_refusals_name_reason_and_fix_in_one_line(arguments, message):
    with pytest.raises(RobustnessError, match=message) as refusal:
        ThreatModel(**arguments)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "epsilon"),
    [
        ("8/255", 8 / 255),
        (" 8 / 255 ", 8 / 255),
        ("0.031", 0.031),
        ("1e-2", 0.01),
        ("0", 0.0),
        (0.25, 0.25),
        (0, 0.0),
    ],
)
def test_parse_epsilon(text, epsilon):
    assert parse_epsilon(text) == epsilon


@given(st.integers(0, 255))
def test_parse_epsilon_equals_division(numerator):
    assert parse_epsilon(f"{numerator}/255") == numerator / 255


@pytest.mark.parametrize(
    "text", ["", "/", "8/", "/255", "8/0", "8/255/2", "8%", "nan", "inf", "0x8", "eight"]
)
def test_parse_epsilon_refuses_what_is_not_a_number(text):
    with pytest.raises(RobustnessError, match="neither a fraction nor a decimal"):
        parse_epsilon(text)


def test_parse_epsilon_refuses_negative_ones():
    with pytest.raises(RobustnessError, match="at least 0"):
        parse_epsilon("-1/255")


def test_distances_against_numpy():
    generator = np.random.default_rng(0)
    images, others = generator.random((2, 5, 7, 3, 2)).astype(np.float32)
    change = (images.astype(np.float64) - others).reshape(5, -1)
    linf = ThreatModel(0.1).distances(images, others)
    np.testing.assert_allclose(linf, abs(change).max(axis=1), rtol=1e-12)
    two = ThreatModel(0.1, norm="l2").distances(images, others)
    np.testing.assert_allclose(two, np.linalg.norm(change, axis=1), rtol=1e-12)
    scaled = ThreatModel(0.1, norm="l2", space="normalized", std=(0.5, 0.25))
    change = change.reshape(images.shape) / [0.5, 0.25]
    expected = np.linalg.norm(change.reshape(5, -1), axis=1)
    np.testing.assert_allclose(scaled.distances(images, others), expected, rtol=1e-12)


def test_text_names_norm_epsilon_and_space():
    assert str(ThreatModel(8 / 255)) == "linf 0.03137, pixel space"
    model = ThreatModel(2, norm="l2", space="normalized", std=(0.25,))
    assert str(model) == "l2 2, normalized space"
