import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel, parse_epsilon


def test_defaults_follow_the_contract():
    threat_model = ThreatModel(8 / 255)
    assert dataclasses.astuple(threat_model) == (8 / 255, "linf", (0.0, 1.0), "pixel")
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
        ({"epsilon": -0.1}, "from 0 to 1"),
        ({"epsilon": math.nan}, "finite"),
        ({"epsilon": math.inf}, "finite"),
        ({"epsilon": "8/255"}, "parse_epsilon"),
        ({"epsilon": None}, "NoneType"),
        ({"epsilon": True}, "bool"),
        ({"epsilon": 0.1, "norm": "l2"}, "norm is 'l2'; known norms: linf"),
        ({"epsilon": 0.1, "space": "normalized"}, r"not supported yet.*standard deviation"),
        ({"epsilon": 0.1, "space": "feature"}, "known spaces: pixel"),
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


@settings(deadline=None)  # shared cores: a slow moment is no failure
@given(st.integers(0, 255))
def test_parse_epsilon_equals_division(numerator):
    assert parse_epsilon(f"{numerator}/255") == numerator / 255


@pytest.mark.parametrize(
    "text", ["", "/", "8/", "/255", "8/0", "8/255/2", "8%", "nan", "inf", "0x8", "eight"]
)
def test_parse_epsilon_refuses_what_is_no_number(text):
    with pytest.raises(RobustnessError, match="neither a fraction nor a decimal"):
        parse_epsilon(text)


@pytest.mark.parametrize("text", ["8", "256/255", "-1/255"])
def test_parse_epsilon_refuses_what_is_out_of_range(text):
    with pytest.raises(RobustnessError, match=r"\[0, 1\]|from 0 to 1"):
        parse_epsilon(text)
