"""Files and flags from anywhere: each is what it should be, or one line; none runs code."""

import dataclasses
import json
import pickle
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnascl_tf.commands import run as command
from rnascl_tf.errors import UserError
from rnascl_tf.files.json_reader import LARGEST_BYTES, read_json
from rnascl_tf.networks import (
    SEARCH_SPACES,
    ArchitectureError,
    SearchProblem,
    Tutor,
    build_student,
    describe,
    read_architecture,
    write_architecture,
)
from rnascl_tf.recipes import base_config
from rnascl_tf.record import Record
from rnascl_tf.record.record import RecordError
from rnascl_tf.robustness import RobustnessError
from rnascl_tf.robustness.outcomes import Outcomes
from rnascl_tf.runs.run import load_student
from rnascl_tf.training.search.diagnostics import (
    DiagnosticsError,
    SearchDiagnostics,
    read_diagnostics,
)

SPACE = SEARCH_SPACES["S3"]
TUTORS = [Tutor("stem", "layer1", 0.5)]
HONEST = describe(SearchProblem(SPACE, 7, (32, 32, 3)), SPACE.narrowest, TUTORS, 5)

# What a JSON file, or a flag, may hold.
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 300)
    | st.sampled_from([2**31, 2**63, -(2**63), 10**40])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["S3", "M", "../../etc/passwd", "__import__('os')", "nan", "\0", ""])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner)
)


def whole_number(low, high):
    return st.integers(low, high) | scalars


def plausible(strategy):
    """Mostly what belongs there, so that the checks after the first are reached."""
    return strategy | strategy | values


FIELDS = {
    "space": plausible(st.sampled_from(list(SEARCH_SPACES))),
    "filters": plausible(
        st.lists(st.lists(whole_number(1, 300), min_size=1, max_size=4), min_size=1, max_size=4)
    ),
    "tutors": plausible(
        st.lists(
            st.fixed_dictionaries({"student": scalars, "teacher": scalars, "probability": scalars}),
            max_size=2,
        )
    ),
    "num_classes": plausible(whole_number(-1, 200_000)),
    "input_shape": plausible(st.lists(whole_number(0, 70_000), min_size=3, max_size=3)),
    "params": values,
    "macs": values,
    "macs_thop": values,
    "seed": plausible(whole_number(0, 100)),
    "activation": plausible(st.sampled_from(["relu", "relu6", "hard_swish"])),
}


@st.composite
def architectures(draw):
    """An honest architecture with up to three fields replaced; the counts perhaps corrected."""
    fields = HONEST.to_json()
    for name in draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=3)):
        fields[name] = draw(FIELDS[name])
    for name in draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=1)):
        if draw(st.booleans()):
            fields.pop(name)
    if draw(st.integers(0, 9)) == 0:
        fields[draw(st.text(max_size=9))] = draw(values)
    return fields


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(fields=architectures())
def test_an_architecture_is_a_student_or_one_line(fields, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "architecture.json"
    path.write_text(json.dumps(fields))
    try:
        found = read_architecture(path)
    except ArchitectureError as error:
        message = str(error)
        assert len(message.splitlines()) == 1
        assert len(message) < 1000
    else:
        # What was let through has the counts of a student of its space, and its values are safe.
        assert found.space in SEARCH_SPACES
        assert max(found.input_shape) <= 2048
        again = (found.problem, found.filters, found.tutors, found.seed, found.activation)
        assert describe(*again) == found


@settings(max_examples=100)
@given(content=st.binary(max_size=300))
def test_bytes_that_are_not_an_architecture_are_one_line(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "bytes.json"
    path.write_bytes(content)
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(path)
    assert len(str(caught.value).splitlines()) == 1


def leaves(config, prefix=""):
    for name, value in config.items():
        if hasattr(value, "items"):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


KEYS = sorted(leaves(base_config()))
flag_values = (
    st.integers(-3, 300).map(str)
    | st.floats().map(str)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
    | st.sampled_from(
        [
            *("", "None", "True", "()", "(1,2)", "('pgd20',)", "[]", "{}", "8/255", "1/0", "1e400"),
            *("S3", "__import__('os').system('touch ran')", "../../../etc/passwd", "9" * 5000),
        ]
    )
)
config_flags = st.tuples(st.sampled_from(KEYS), flag_values).map(
    lambda pair: f"--config.{pair[0]}={pair[1]}"
)
other_flags = st.one_of(
    flag_values.map(lambda value: f"--config={value}"),
    # An empty list means all stages, which would run for minutes.
    flag_values.map(lambda value: f"--stages={value or 'all'}"),
    flag_values.map(lambda value: f"--strategy={value}"),
    flag_values.map(lambda value: f"--{value}"),
    st.sampled_from(["--strict", "--overwrite", "--help", "--nodry_run", "positional"]),
)


@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(given_flags=st.lists(config_flags | config_flags | other_flags, max_size=3))
def test_a_command_line_is_a_run_or_one_line(given_flags, tmp_path, monkeypatch, capsys):
    """The report of an empty folder: what is wrong with the flags comes before what is missing."""
    monkeypatch.chdir(tmp_path)
    code = command.main(["--config=digits:smoke", "--workdir=run", "--stages=report", *given_flags])
    shown = capsys.readouterr()
    if "--help" in given_flags and code == 0:
        assert "usage: " in shown.out
    else:
        assert code == 2, (given_flags, shown.err)
        errors = [line for line in shown.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert "Traceback" not in shown.err
    assert list(tmp_path.iterdir()) == []


class _Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_in_an_array_file_is_not_read(tmp_path):
    """Where a run's arrays are read, by what reads them."""
    ran = tmp_path / "ran"
    content = np.array([_Touch(ran)], dtype=object)
    np.savez(tmp_path / "state.npz", identity=content, attacks=content)
    with pytest.raises(RobustnessError):
        Outcomes(tmp_path / "state.npz", {})
    fields = {field.name: content for field in dataclasses.fields(SearchDiagnostics)}
    np.savez(tmp_path / "diagnostics.npz", **fields)
    with pytest.raises(DiagnosticsError):
        read_diagnostics(tmp_path / "diagnostics.npz")
    assert not ran.exists()
    # It would have run: what is refused is real.
    pickle.loads(pickle.dumps(content[0]))
    assert ran.exists()


def test_a_student_file_with_code_in_it_is_one_line(tmp_path, monkeypatch):
    """A Keras file may hold Python code in a Lambda layer; the student of a workdir may be such."""
    monkeypatch.chdir(tmp_path)
    ran, student = tmp_path / "ran", tmp_path / "run" / "train" / "student.keras"
    student.parent.mkdir(parents=True)
    images = keras.Input((32, 32, 3))
    hostile = keras.layers.Lambda(
        lambda x: (__import__("pathlib").Path("ran").touch(), x)[1], output_shape=(32, 32, 3)
    )(images)
    logits = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(hostile))
    keras.Model(images, logits).save(student)
    with pytest.raises(UserError, match=r"student\.keras is damaged"):
        load_student(tmp_path / "run", "train")
    assert not ran.exists()
    # It would have run: what is refused is real.
    loaded = keras.models.load_model(student, safe_mode=False)
    loaded(np.zeros((1, 32, 32, 3), np.float32))
    assert ran.exists()


def test_json_is_bounded(tmp_path):
    with pytest.raises(ValueError, match="not a regular file"):
        read_json("/dev/zero")
    path = tmp_path / "a.json"
    path.write_text("[" * (sys.getrecursionlimit() * 50))
    with pytest.raises(ValueError, match=r"nested too deeply|Expecting"):
        read_json(path)
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)  # sparse
    with pytest.raises(ValueError, match="67,108,865 bytes"):
        read_json(path)
    with pytest.raises(ArchitectureError, match=r"at most .* are read"):
        read_architecture(path)
    with pytest.raises(RecordError):
        Record(path)


def test_the_honest_one_is_built(tmp_path):
    write_architecture(HONEST, tmp_path / "architecture.json")
    found = read_architecture(tmp_path / "architecture.json")
    assert build_student(found).output_shape == (None, 7)
