"""Stored teacher signals: the live ones, for the same batches, whoever asks and after any stop."""

import fcntl
import multiprocessing
import time

import numpy as np
import pytest
import tensorflow as tf

from rnascl_tf.data import DataError, Examples, training_batches
from rnascl_tf.training import LiveSignals, SignalStore, StoredSignals, Stream

STEPS, BATCH, SHAPE = 3, 7, (9, 9, 3)


@pytest.fixture(scope="module")
def examples():
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (23, *SHAPE)).astype("uint8")
    return Examples(images, generator.integers(0, 7, 23).astype("int32"))


def store(folder, signals, examples, seed=0, identity=None):
    def batches(first_epoch, first_step=0):
        return training_batches(
            examples,
            batch_size=BATCH,
            seed=seed,
            first_epoch=first_epoch,
            first_step=first_step,
            crop_padding=2,
        )

    return SignalStore(folder, signals._teacher, Stream(batches, STEPS), identity or {"seed": seed})


def test_stored_signals_are_the_live_ones(tmp_path, signals, examples):
    made = store(tmp_path, signals, examples)
    made.prepare(2)
    source = StoredSignals(signals.teacher_layers)
    assert source.teacher_layers == signals.teacher_layers
    for batch in made.attach(0).take(2 * STEPS):
        live, stored = LiveSignals(signals._teacher)(batch), source(batch)
        np.testing.assert_allclose(stored.logits, live.logits, rtol=1e-5, atol=1e-5)
        # float16 has 11 bits: half a unit in the last place at 1 is 2.5e-4.
        np.testing.assert_allclose(stored.maps, live.maps, atol=2.5e-4)


def test_a_resumed_stream_reads_the_epoch_it_resumes_at(tmp_path, signals, examples):
    made = store(tmp_path, signals, examples)
    made.prepare(2)
    whole = list(made.attach(0).take(2 * STEPS))[STEPS:]
    for batch, again in zip(whole, made.attach(1).take(STEPS), strict=True):
        for name in batch:
            np.testing.assert_array_equal(batch[name], again[name])


def test_only_missing_epochs_are_computed(tmp_path, signals, examples):
    made = store(tmp_path, signals, examples)
    made.prepare(1)
    before = (made.folder / "epoch_0000" / "maps.npy").stat().st_mtime_ns
    seen = []
    made.prepare(3, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2 * STEPS, 2 * STEPS)
    assert (made.folder / "epoch_0000" / "maps.npy").stat().st_mtime_ns == before
    assert made.missing(4) == [3]


def test_other_batches_have_a_folder_of_their_own(tmp_path, signals, examples):
    one, two = (store(tmp_path, signals, examples, seed) for seed in (0, 1))
    assert one.folder != two.folder


def test_rows_of_another_stream_are_refused(tmp_path, signals, examples):
    one, two = (store(tmp_path, signals, examples, seed, {"same": True}) for seed in (0, 1))
    one.prepare(1)
    with pytest.raises(tf.errors.OpError, match="holds other batches"):
        next(iter(two.attach(0)))


def test_an_interrupted_epoch_leaves_nothing_that_counts(tmp_path, signals, examples):
    made = store(tmp_path, signals, examples)

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.prepare(1, stop)
    assert made.missing(1) == [0]
    assert {path.name for path in made.folder.iterdir()} == {"identity.json", "epoch_0000.lock"}
    made.prepare(1)
    assert made.missing(1) == []


def _hold(path, held):
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        held.set()
        time.sleep(60)


def test_a_damaged_file_is_named(tmp_path, signals, examples):
    made = store(tmp_path, signals, examples)
    made.prepare(1)
    (made.folder / "epoch_0000" / "maps.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match=r"maps\.npy is damaged"):
        made.attach(0)


def test_what_a_killed_process_has_left_is_computed_again(tmp_path, signals, examples):
    made = store(tmp_path, signals, examples)
    (made.folder / "epoch_0000.part").mkdir(parents=True)
    (made.folder / "epoch_0000.part" / "maps.npy").write_bytes(b"half")
    made.prepare(1)
    assert made.missing(1) == []
    assert not (made.folder / "epoch_0000.part").exists()


@pytest.fixture
def other_process(tmp_path, signals, examples):
    """A store whose epoch 0 another process has locked, and that process."""
    made = store(tmp_path, signals, examples)
    made.folder.mkdir(parents=True)
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_hold, args=(made.folder / "epoch_0000.lock", held))
    process.start()
    assert held.wait(30)
    yield made, process
    process.kill()
    process.join()


def test_takes_another_epoch_while_one_is_locked_and_its_owner_dies(other_process):
    made, process = other_process
    computed = []

    def kill_after_the_free_epoch(done, total):
        computed.append(made.missing(2))
        if done == STEPS:
            process.kill()

    made.prepare(2, kill_after_the_free_epoch)
    assert computed[0] == [0, 1]
    assert computed[STEPS] == [0], "epoch 1 was made first, epoch 0 after its owner had died"
    assert made.missing(2) == []
