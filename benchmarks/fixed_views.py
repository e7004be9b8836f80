"""Training S3 on fixed views with stored signals, against a WRN-34-10 teacher run in each step.

Both make their batches in the time that is measured, augmentation and stored signals included: each
part begins and ends a stream of its own, so that none of its batches was made while the other part ran.
A stream prefetches about four batches more than are read; a part reads more than that. The teacher's
weights are random, which costs the same; it runs in float32.
"""

import tempfile

import keras
import numpy as np

import teachers
from benchmarks.ratio import measure
from benchmarks.train_step import training_step
from rnascl_tf.data import Examples, training_batches, view_batches
from rnascl_tf.networks import SEARCH_SPACES, build_student
from rnascl_tf.training import LiveSignals, StoredSignals, Stream, ViewStore

BATCH, STEPS, CLASSES, SHAPE = 128, 6, 10, (32, 32, 3)
VIEWS, ROUNDS = 2, 4
AUGMENTATION = {"seed": 0, "crop_padding": 4, "flip": True}


def run():
    """Returns the list of this file's ratios."""
    with tempfile.TemporaryDirectory() as folder:
        return _run(folder)


def _run(folder):
    generator = np.random.default_rng(0)
    count = BATCH * STEPS
    examples = Examples(
        generator.integers(0, 256, (count, *SHAPE)).astype("uint8"),
        generator.integers(0, CLASSES, count).astype("int32"),
    )
    teacher = teachers.from_keras(teachers.native.build("wide_resnet34_10", CLASSES, SHAPE))

    def view(number):
        return view_batches(examples, number, batch_size=BATCH, **AUGMENTATION)

    def stream(views):
        return Stream(
            lambda epoch, step=0: training_batches(
                examples, batch_size=BATCH, views=views, first_epoch=epoch, **AUGMENTATION
            ),
            STEPS,
        )

    store = ViewStore(folder, teacher, VIEWS, count, view, {})
    store.prepare()
    student = build_student(
        {
            "space": "S3",
            "filters": SEARCH_SPACES["S3"].widest,
            "num_classes": CLASSES,
            "input_shape": SHAPE,
        }
    )
    twin = keras.models.clone_model(student)
    stored = _epoch(student, StoredSignals(teacher.tap_names), store.attach(stream(VIEWS)))
    live = _epoch(twin, LiveSignals(teacher), stream(0))
    return [
        measure(
            "fixed_views_s3",
            stored,
            [live],
            baseline="the same batches of training with a WRN-34-10 teacher run in each step",
            target=0.05,
            rounds=ROUNDS,
        ),
    ]


def _epoch(student, signals, stream):
    step, batches = training_step(student, signals), stream.batches(0, 0)

    def epoch():
        # Its prefetching ends with the iterator, which is this function's.
        for batch in batches.take(STEPS):
            step(batch)

    return epoch
