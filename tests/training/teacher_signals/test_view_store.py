"""Stored signals of fixed views: the live ones in every epoch, from a teacher that runs once."""

import numpy as np
import pytest

import teachers
from rnascl_tf.data import DataError, Examples, training_batches, view_batches
from rnascl_tf.training import LiveSignals, StoredSignals, Stream, ViewStore

EXAMPLES, STEPS, BATCH, SHAPE, VIEWS = 23, 3, 7, (9, 9, 3), 3
AUGMENTATION = {"seed": 5, "crop_padding": 2, "flip": True}


@pytest.fixture(scope="module")
def examples():
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (EXAMPLES, *SHAPE)).astype("uint8")
    return Examples(images, generator.integers(0, 7, EXAMPLES).astype("int32"))


@pytest.fixture(scope="module")
def signals():
    """Of a teacher with maps of 9x9, 5x5 and 3x3: larger than the grid, as large, smaller."""
    network = teachers.resnet(7, SHAPE, widths=(5, 7, 11), blocks=(1, 1, 1), seed=1)
    teacher = teachers.from_keras(network, attention_size=5)
    assert {height for height, _ in teacher.packed_shapes} == {5, 3}
    return LiveSignals(teacher)


@pytest.fixture
def stream(examples):
    def batches(first_epoch, first_step=0):
        return training_batches(
            examples,
            batch_size=BATCH,
            views=VIEWS,
            first_epoch=first_epoch,
            first_step=first_step,
            **AUGMENTATION,
        )

    return Stream(batches, STEPS)


@pytest.fixture
def new_store(tmp_path, signals, examples):
    def build(views=VIEWS, batch_size=5, **identity):
        return ViewStore(
            tmp_path,
            signals._teacher,
            views,
            len(examples),
            lambda view: view_batches(examples, view, batch_size=batch_size, **AUGMENTATION),
            {"seed": 5, **identity},
        )

    return build


def test_stored_signals_are_the_live_ones_in_every_epoch(new_store, stream, signals):
    store = new_store()
    store.prepare()
    source, live = StoredSignals(signals.teacher_layers), LiveSignals(signals._teacher)
    batches = store.attach(stream).batches(0, 0)
    for batch in batches.take(2 * VIEWS * STEPS):
        wanted, found = live(batch), source(batch)
        np.testing.assert_allclose(found.logits, wanted.logits, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found.maps, wanted.maps, atol=5e-4)
        assert found.maps.shape == (BATCH, len(signals.teacher_layers), 25)
        assert found.maps.dtype == wanted.maps.dtype


def test_a_resumed_stream_is_the_same_bit_for_bit(new_store, stream):
    store = new_store()
    store.prepare()
    attached = store.attach(stream)
    assert attached.steps_per_epoch == STEPS
    whole = list(attached.batches(0, 0).take(4 * STEPS))[2 * STEPS + 1 :]
    resumed = new_store().attach(stream).batches(2, 1).take(2 * STEPS - 1)
    for batch, again in zip(whole, resumed, strict=True):
        assert batch.keys() == again.keys()
        for name in batch:
            np.testing.assert_array_equal(batch[name], again[name])


def test_shapes_are_static(new_store, stream, signals):
    store = new_store()
    store.prepare()
    spec = store.attach(stream).batches(0, 0).element_spec
    assert spec["teacher_logits"].shape == (BATCH, 7)
    assert spec["teacher_maps"].shape == (BATCH, len(signals.teacher_layers), 25)


def test_only_missing_views_are_computed_and_more_views_are_the_same_store(new_store):
    two = new_store(views=2)
    two.prepare()
    kept = two.folder / "view_0001" / "maps.npy"
    before, seen = kept.stat().st_mtime_ns, []
    store = new_store()
    assert store.missing() == [2]
    store.prepare(lambda done, total: seen.append((done, total)))
    assert seen == [(5, 23), (10, 23), (15, 23), (20, 23), (23, 23)]
    assert kept.stat().st_mtime_ns == before
    assert store.missing() == []


def test_the_size_on_the_disk_is_known_before(new_store):
    store = new_store()
    store.prepare()
    found = sum(path.stat().st_size for path in store.folder.glob("view_*/*.npy"))
    # Each of six files has a header of 128 bytes.
    assert found == store.total_bytes + 6 * 128


def test_the_batches_of_the_pass_do_not_matter(new_store, tmp_path):
    one, other = new_store(), new_store(batch_size=11, other=True)
    for store in (one, other):
        store.prepare()
    for name in ("logits", "maps"):
        found, wanted = (
            np.load(store.folder / "view_0002" / f"{name}.npy") for store in (one, other)
        )
        np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=1e-5)


def test_views_that_are_missing_or_of_other_images_are_named(new_store, stream):
    store = new_store()
    with pytest.raises(DataError, match=r"view_0000/logits\.npy"):
        store.attach(stream)
    store.prepare()
    np.save(store.folder / "view_0001" / "maps.npy", np.zeros((22, 5), np.float16))
    with pytest.raises(DataError, match=r"view_0001/maps\.npy holds \(22, 5\) numbers, not \(23"):
        store.attach(stream)
