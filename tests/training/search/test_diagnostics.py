"""diagnostics.npz: the search's own probabilities, whole at any time, right after a resume."""

import math

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.networks import SearchProblem, SearchSpace, build_supernet, channel_masks
from rnascl_tf.networks.search_space import StageSpace
from rnascl_tf.objectives import ExpectedMacs
from rnascl_tf.training import SearchModel
from rnascl_tf.training.search.diagnostics import (
    DiagnosticsError,
    DiagnosticsLog,
    read_diagnostics,
)

SHAPE, CLASSES = (9, 9, 3), 7


@pytest.fixture
def path(tmp_path):
    return tmp_path / "diagnostics.npz"


@pytest.fixture
def log_epochs(path):
    def log(model, epochs):
        callback = DiagnosticsLog(path)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch in epochs:
            # A mark of its own for each epoch: tutor 1 of every layer has logit `epoch`.
            if model.tutors is not None:
                mark = np.zeros(model.tutors.logits.shape)
                mark[:, 1] = epoch
                model.tutors.logits.assign(mark)
            callback.on_epoch_end(epoch, {})

    return log


def test_holds_every_probability_and_loads_without_pickle(search_model, path, log_epochs):
    masks = channel_masks(search_model.supernet)
    generator = np.random.default_rng(3)
    logits = {mask.name: generator.normal(size=(1, len(mask.filters))) for mask in masks}
    for mask in masks:
        mask.gumbel.logits.assign(logits[mask.name])
    shape = search_model.tutors.logits.shape
    log_epochs(search_model, [0])
    tutors = generator.normal(size=shape)
    search_model.tutors.logits.assign(tutors)
    callback = DiagnosticsLog(path)
    callback.set_model(search_model)
    callback.on_train_begin()
    callback.on_epoch_end(1)
    with np.load(path, allow_pickle=False) as arrays:
        found = dict(arrays)
    assert found["epoch"].tolist() == [0, 1]
    assert found["tutors"].shape == (2, *shape)
    assert found["tutors"].dtype == found["filters"].dtype == np.float32
    wanted = np.exp(tutors) / np.exp(tutors).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["tutors"][1], wanted, rtol=1e-5)  # float32
    assert found["student_layers"].tolist() == list(search_model.student_layers)
    assert found["teacher_layers"].tolist() == list(search_model.signals.teacher_layers)
    assert found["choices"].tolist() == [[8, 4, 0], [8, 4, 0], [14, 12, 6]]
    for number, (mask, name) in enumerate(zip(masks, found["blocks"], strict=True)):
        assert f"{name}_mask" == mask.name
        row = np.exp(logits[mask.name][0])
        np.testing.assert_allclose(
            found["filters"][0, number, : len(row)], row / row.sum(), rtol=1e-5
        )
        assert np.isnan(found["filters"][:, number, len(row) :]).all()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_resumed_search_keeps_earlier_epochs_and_does_the_others_again(
    new_search_model, path, log_epochs
):
    model = new_search_model()
    log_epochs(model, [0, 1, 2])
    first = read_diagnostics(path)
    log_epochs(model, [1])
    found = read_diagnostics(path)
    assert found.epoch.tolist() == [0, 1]
    np.testing.assert_array_equal(found.tutors, first.tutors[:2])
    log_epochs(model, [2, 3, 4])
    found = read_diagnostics(path)
    assert found.epoch.tolist() == [0, 1, 2, 3, 4]
    choices = found.tutors.shape[-1]
    marks = np.exp(found.epoch) / (np.exp(found.epoch) + choices - 1)
    np.testing.assert_allclose(found.tutors[:, 2, 1], marks, rtol=1e-5)


def test_a_control_has_filters_but_no_tutors(signals, path, log_epochs):
    space = SearchSpace("two", (StageSpace((8, 4), 1, 1), StageSpace((14, 12, 6), 1, 2)))
    model = SearchModel(
        build_supernet(space, CLASSES, SHAPE, seed=2),
        signals,
        ExpectedMacs(SearchProblem(space, CLASSES, SHAPE)),
        attention_size=5,
        gamma=1.0,
        tutors=None,
    )
    log_epochs(model, [0, 1])
    found = read_diagnostics(path)
    assert found.tutors.shape == (2, 0, 0)
    assert found.student_layers.shape == found.teacher_layers.shape == (0,)
    uniform = [[1 / 2, 1 / 2, np.nan], [1 / 3, 1 / 3, 1 / 3]]  # nothing was trained
    np.testing.assert_allclose(found.filters, [uniform, uniform], rtol=1e-6)


def test_damage_and_another_search_are_refused_in_one_line(search_model, path, log_epochs):
    log_epochs(search_model, [0])
    content = path.read_bytes()
    for damaged in (b"", b"no archive", content[: len(content) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(DiagnosticsError, match=r"diagnostics\.npz is damaged"):
            log_epochs(search_model, [1])
    with np.load(_written(path, content)) as arrays:
        fields = dict(arrays)
    np.savez(path, **fields | {"tutors": fields["tutors"][:, :-1]})
    with pytest.raises(DiagnosticsError, match="holds tutors of shape"):
        read_diagnostics(path)
    np.savez(path, **fields | {"choices": fields["choices"] + 4})
    with pytest.raises(DiagnosticsError, match="other layers or choices"):
        log_epochs(search_model, [1])


def test_fit_calls_it_so_that_every_epoch_is_in_the_file(search_model, batch, path):
    data = tf.data.Dataset.from_tensors(batch).repeat()
    search_model.fit(data, epochs=2, steps_per_epoch=1, verbose=0, callbacks=[DiagnosticsLog(path)])
    found = read_diagnostics(path)
    assert found.epoch.tolist() == [0, 1]
    np.testing.assert_allclose(found.tutors[1], search_model.tutors.probabilities(), rtol=1e-6)
    # One step of Adam at 0.01 moves every logit a little from zero: no longer exactly uniform.
    spread = np.ptp(found.tutors[1], axis=-1)
    assert 0 < spread.max() < math.expm1(0.1)


def _written(path, content):
    path.write_bytes(content)
    return path
