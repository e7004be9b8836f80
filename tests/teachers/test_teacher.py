import numpy as np
import pytest
import tensorflow as tf

import teachers
from rnascl_tf import layers
from teachers.teacher import VERIFY_BATCH, Teacher, Verification


class Reference:
    """What a teacher is compared with: its own outputs, spoiled where a test wants it."""

    description = "the reference"

    def __init__(self, model, spoil=None):
        self.model = model
        self.spoil = spoil or (lambda outputs: outputs)

    def __call__(self, images):
        outputs = self.model(images, training=False)
        arrays = {"logits": outputs["logits"], **outputs["taps"]}
        return self.spoil({name: array.numpy() for name, array in arrays.items()})


@pytest.fixture
def make():
    def make(spoil=None, attention_size=5):
        network = teachers.resnet(4, (7, 11, 3), (2, 3), (1, 1), seed=2)
        layers = ("stem_conv", "stage2_block1_second_conv")
        reference = Reference(None, spoil)
        teacher = Teacher(
            network.inputs[0],
            network.outputs[0],
            {name: network.get_layer(name).output for name in layers},
            name="small",
            sha256="0" * 64,
            reference=reference,
            attention_size=attention_size,
        )
        reference.model = teacher.model
        return teacher

    return make


def test_signals_are_logits_and_maps_of_the_taps(make, images):
    teacher = make()
    logits, maps = teacher.signals(images)
    outputs = teacher.model(images, training=False)
    np.testing.assert_allclose(logits, outputs["logits"], atol=1e-6)
    taps = [outputs["taps"][name] for name in teacher.tap_names]
    np.testing.assert_allclose(maps, layers.attention_maps(taps, 5), atol=1e-6)
    assert maps.shape == (3, 2, 25)
    np.testing.assert_allclose(teacher.classifier(images), logits, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_packed_signals_are_the_signals_in_fewer_numbers(make, images, precision):
    teacher = make().in_precision(precision)
    packed, wanted = teacher.packed_signals(images), teacher.signals(images)
    np.testing.assert_allclose(packed.logits, wanted.logits, atol=1e-6)
    assert packed.maps.shape[1] == sum(h * w for h, w in teacher.packed_shapes) <= 2 * 25
    maps = layers.unpack_maps(packed.maps, teacher.packed_shapes, 5)
    np.testing.assert_allclose(maps, wanted.maps, atol=1e-6)


def test_signals_in_a_graph_carry_no_gradient_and_trace_once(make, images):
    teacher = make()

    @tf.function(input_signature=[tf.TensorSpec([None, 7, 11, 3])])
    def gradients(batch):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            signals = teacher.signals(batch)
            total = tf.reduce_sum(signals.logits) + tf.reduce_sum(signals.maps[:, 0, :3])
        return tape.gradient(total, batch)

    assert gradients(tf.constant(images)) is None
    for count in (1, 2, 3):
        assert teacher.signals(images[:count]).logits.shape == (count, 4)
    assert teacher._compute_signals.experimental_get_tracing_count() == 1


def test_the_classifier_carries_a_gradient(make, images):
    batch = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        total = tf.reduce_sum(make().classifier(batch, training=False)[:, 0])
    assert np.abs(tape.gradient(total, batch)).max() > 0


def test_a_teacher_is_frozen(make, images):
    teacher = make()
    assert teacher.model.trainable_variables == teacher.classifier.trainable_variables == []
    before = [weight.copy() for weight in teacher.model.get_weights()]
    teacher.signals(images)
    for old, new in zip(before, teacher.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 7, 11, 3), np.uint8),
        np.zeros((2, 7, 11, 3), np.float64),
        np.zeros((2, 11, 7, 3), np.float32),
        np.zeros((7, 11, 3), np.float32),
    ],
)
def test_signals_refuse_other_images(wrong, make):
    with pytest.raises(teachers.TeacherError, match=r"wanted float32 \[N, 7, 11, 3\]"):
        make().signals(wrong)
    with pytest.raises(teachers.TeacherError, match=r"got images of .*wanted float32"):
        make().packed_signals(wrong)
    with pytest.raises(teachers.TeacherError, match=r"wanted float32 \[N, 7, 11, 3\]"):
        make().verify(wrong)


def test_verification_counts_images_over_several_batches(make, generator):
    images = generator.random((VERIFY_BATCH + 3, 7, 11, 3), dtype=np.float32)
    verification = make().verify(images)
    assert verification.images == VERIFY_BATCH + 3
    assert list(verification.errors) == ["logits", "stem_conv", "stage2_block1_second_conv"]
    assert verification.reference == "the reference"
    assert verification.largest == 0


def shift_last_image(by):
    def spoil(outputs):
        tap = outputs["stem_conv"].copy()
        largest = np.abs(tap).max()
        tap[-1].flat[np.abs(tap[-1]).argmin()] += by * largest
        return {**outputs, "stem_conv": tap}

    return spoil


def test_the_worst_output_is_named(make, images):
    assert make(shift_last_image(5e-4)).verify(images).largest == pytest.approx(5e-4, rel=0.01)
    assert make(shift_last_image(5e-4)).verify(images).worst == "stem_conv"
    with pytest.raises(
        teachers.TeacherError, match=r"by 0.01 relative at 'stem_conv'.*at most 0.001"
    ):
        make(shift_last_image(1e-2)).verify(images)
    assert make(shift_last_image(1e-2)).verify(images, tolerance=0.02).tolerance == 0.02


def test_a_difference_in_the_first_batch_is_not_forgotten(make, generator):
    images = generator.random((VERIFY_BATCH + 1, 7, 11, 3), dtype=np.float32)

    def spoil(outputs):
        return shift_last_image(1e-2)(outputs) if len(outputs["logits"]) > 1 else outputs

    with pytest.raises(teachers.TeacherError, match="at 'stem_conv'"):
        make(spoil).verify(images)


def test_a_nan_fails(make, generator):
    images = generator.random((VERIFY_BATCH + 1, 7, 11, 3), dtype=np.float32)

    def spoil(outputs):
        is_first = len(outputs["logits"]) > 1
        return {**outputs, "logits": outputs["logits"] * (np.nan if is_first else 1)}

    with pytest.raises(teachers.TeacherError, match="by inf relative at 'logits'"):
        make(spoil).verify(images)


def test_a_teacher_without_numbers_fails(make, images):
    teacher = make(lambda outputs: {name: np.nan_to_num(o) for name, o in outputs.items()})
    teacher.model.get_layer("logits").bias.assign(np.float32([1, np.nan, 0, 0]))
    with pytest.raises(teachers.TeacherError, match="by inf relative at 'logits'"):
        teacher.verify(images)


def test_a_silent_reference_wants_a_silent_teacher(make, images):
    with pytest.raises(teachers.TeacherError, match="by inf relative at 'stem_conv'"):
        make(lambda outputs: {**outputs, "stem_conv": 0 * outputs["stem_conv"]}).verify(images)


@pytest.mark.parametrize("scale", [255, -1])
def test_verification_wants_pixels_between_zero_and_one(scale, make, images):
    with pytest.raises(teachers.TeacherError, match=r"got images in \[.*in \[0, 1\]"):
        make().verify(images * np.float32(scale))


def test_verification_wants_images(make, images):
    with pytest.raises(teachers.TeacherError, match="N at least 1"):
        make().verify(images[:0])


def test_an_error_free_verification_has_a_worst_output_too():
    verification = Verification({"logits": 0.0, "tap": 0.0}, 1, 1e-3, "the reference")
    assert verification.worst == "logits"
    assert verification.largest == 0
