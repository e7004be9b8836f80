import pickle

import numpy as np
import pytest

from rnascl_tf.robustness.outcomes import Outcomes
from rnascl_tf.robustness.threat_model import RobustnessError

IDENTITY = {"model": "abc", "threat model": "ThreatModel(epsilon=0.1)", "seed": "0"}
STANDING = np.array([True, False, True, True, False])


def stored(path):
    outcomes = Outcomes(path, IDENTITY)
    outcome = outcomes.of("autoattack/apgd-t", "Apgd(steps=3)", STANDING)
    outcome.standing[0] = False
    outcome.margin[[0, 2]] = -0.5, 0.25
    outcome.round, outcome.done, outcome.seconds = 2, 1, 3.5
    outcomes.save()


def test_a_file_brings_everything_back(tmp_path):
    stored(tmp_path / "new" / "state.npz")
    again = Outcomes(tmp_path / "new" / "state.npz", IDENTITY)
    outcome = again.of("autoattack/apgd-t", "Apgd(steps=3)", np.ones(5, bool))
    np.testing.assert_array_equal(outcome.standing, [False, False, True, True, False])
    np.testing.assert_array_equal(outcome.standing_before, STANDING)
    np.testing.assert_array_equal(outcome.margin, np.float32([-0.5, np.inf, 0.25, np.inf, np.inf]))
    assert (outcome.round, outcome.done, outcome.finished, outcome.seconds) == (2, 1, False, 3.5)
    assert again["autoattack/apgd-t"] is outcome


def test_arrays_are_the_callers_no_longer(tmp_path):
    standing = STANDING.copy()
    outcome = Outcomes(None, {}).of("cw", "Cw()", standing)
    outcome.standing[0] = False
    assert standing[0]
    assert outcome.standing_before[0]


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcomes = Outcomes(None, {})
    outcomes.of("cw", "Cw()", STANDING)
    outcomes.save()
    assert not list(tmp_path.iterdir())


def test_saving_later_waits(tmp_path):
    path = tmp_path / "state.npz"
    outcomes = Outcomes(path, IDENTITY)
    outcomes.save(now=False)
    assert not path.exists()
    outcomes.save()
    assert path.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "xyz"}, "another evaluation: model abc there, xyz here. Give another place"),
        ({"seed": "1", "model": "z"}, "model abc there, z here; seed 0 there, 1 here"),
        ({"attacked": "new"}, "attacked None there, new here"),
    ],
)
def test_another_evaluations_file_is_refused_and_kept(tmp_path, change, message):
    path = tmp_path / "state.npz"
    stored(path)
    before = path.read_bytes()
    with pytest.raises(RobustnessError, match=message):
        Outcomes(path, IDENTITY | change)
    assert path.read_bytes() == before


def test_another_attack_of_that_name_is_refused(tmp_path):
    stored(tmp_path / "state.npz")
    outcomes = Outcomes(tmp_path / "state.npz", IDENTITY)
    with pytest.raises(RobustnessError, match=r"Apgd\(steps=3\), this is Apgd\(steps=4\)"):
        outcomes.of("autoattack/apgd-t", "Apgd(steps=4)", STANDING)


def test_damaged_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / "state.npz"
    stored(path)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    np.savez(tmp_path / "pickle.npz", identity=np.array({"a": 1}, dtype=object))
    damaged = [b"", b"PK", pickle.dumps([1]), whole[: len(whole) // 2], whole[:-30]]
    damaged += [(tmp_path / name).read_bytes() for name in ("other.npz", "pickle.npz")]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(RobustnessError, match="damaged; delete it") as refusal:
            Outcomes(path, IDENTITY)
        assert "\n" not in str(refusal.value)
    refused = 0
    for _ in range(100):
        flipped = bytearray(whole)
        flipped[generator.integers(len(whole))] ^= 1 << generator.integers(8)
        path.write_bytes(bytes(flipped))
        refused += _refuses(path)
    # The other bits are such as nothing reads, time stamps for example.
    assert refused > 40


def _refuses(path):
    try:
        Outcomes(path, IDENTITY)
    except RobustnessError as error:
        return "\n" not in str(error)
    return False
