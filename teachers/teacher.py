"""A verified, frozen teacher: logits and attention maps for images in [0, 1] (paper, section 3)."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import keras
import numpy as np
import tensorflow as tf

from rnascl_tf.layers.attention import attention_maps
from rnascl_tf.layers.packed_attention import Shape, pack_maps, packed_shapes
from teachers.bfloat16 import model_in_bfloat16
from teachers.errors import TeacherError
from teachers.relative_error import Comparison, RelativeErrors

TOLERANCE = 1e-3
"""Largest relative error at which an imported teacher is still the one in the file."""

VERIFY_BATCH = 32
"""Images compared at once, at most."""

VERIFY_BYTES = 32 * 2**20
"""Bytes of taps compared at once, if that is fewer images; they are held several times over."""


class Reference(Protocol):
    """Another implementation of a teacher, with which it is compared.

    Attributes:
        description: what to call it in messages.
    """

    description: str

    def __call__(self, images: np.ndarray) -> Mapping[str, np.ndarray]:
        """Computes "logits" and any of the taps for float32 images [N, H, W, C] in [0, 1]."""


class Signals(NamedTuple):
    """What a student learns from, for one batch.

    Attributes:
        logits: float32 [batch, classes].
        maps: float32 [batch, n_t, size * size], each map non-negative and of L2 norm 1.
    """

    logits: tf.Tensor
    maps: tf.Tensor


@dataclass(frozen=True)
class Verification(Comparison):
    """How far a teacher is from its reference on some images.

    Attributes:
        errors: for "logits" and each tap compared, max |teacher - reference| / max |reference|.
        images: how many images were compared.
        tolerance: largest error that was accepted.
        reference: what the teacher was compared with.
    """

    tolerance: float
    reference: str

    def require(self, name: str) -> None:
        """Refuses a teacher called `name` whose largest error is over the tolerance.

        Raises:
            TeacherError: it is over the tolerance; the message names the worst output.
        """
        if self.largest > self.tolerance:
            raise TeacherError(
                f"teacher {name} differs from {self.reference} by {self.largest:.2g} relative at "
                f"{self.worst!r}, wanted at most {self.tolerance:.2g}; the import cannot be "
                "trusted: export the model again, or use another teacher."
            )


class Teacher:
    """A frozen classifier whose convolutions are tapped.

    Build one with `load_onnx`, `load_keras` or `from_keras`.

    Args:
        images: symbolic input, [N, height, width, channels] in [0, 1].
        logits: symbolic output, [N, classes].
        taps: tapped symbolic tensors [N, height_i, width_i, channels_i] by name, in order.
        name: what to call it.
        sha256: hexadecimal digest of what it was loaded from.
        reference: what `verify` compares with.
        attention_size: side of the square grid of the attention maps.

    Attributes:
        model: Keras model, images -> {"logits": [N, K], "taps": {name: tensor}}; not trainable.
        classifier: Keras model of the same weights, images -> logits, for attacks.
        tap_names: the n_t tapped convolutions, in the order of the maps.
        num_classes: K.
        input_shape: (height, width, channels).
        precision: "float32" or "bfloat16", of the signals alone.
        packed_shapes: of each tap's map in `packed_signals`.
    """

    def __init__(
        self,
        images: keras.KerasTensor,
        logits: keras.KerasTensor,
        taps: Mapping[str, keras.KerasTensor],
        *,
        name: str,
        sha256: str,
        reference: Reference,
        attention_size: int = 14,
    ) -> None:
        if attention_size < 1:
            raise TeacherError(f"attention_size must be at least 1, got {attention_size}.")
        self.name = name
        self.sha256 = sha256
        self.attention_size = attention_size
        self.tap_names = tuple(taps)
        self.num_classes = int(logits.shape[-1])
        self.input_shape: tuple[int, ...] = tuple(images.shape[1:])
        self.packed_shapes: tuple[Shape, ...] = packed_shapes(list(taps.values()), attention_size)
        self.model = keras.Model(images, {"logits": logits, "taps": dict(taps)}, name="teacher")
        self.model.trainable = False  # every layer, so those of the classifier too
        self.classifier = keras.Model(images, logits, name="teacher_classifier")
        self.precision = "float32"
        self._reference = reference
        self._signals_model = self.model
        self._trace_signals()

    def in_precision(self, precision: str) -> "Teacher":
        """Returns this teacher with signals computed in "float32" or "bfloat16".

        `model`, `classifier` and `verify` stay float32.
        """
        if precision == self.precision:
            return self
        twin = copy.copy(self)
        twin.precision = precision
        is_float32 = precision == "float32"
        twin._signals_model = self.model if is_float32 else model_in_bfloat16(self.model)
        twin._trace_signals()
        return twin

    def _trace_signals(self) -> None:
        self._compute_signals, self._compute_packed = (
            tf.function(
                function,
                input_signature=[tf.TensorSpec([None, *self.input_shape], tf.float32)],
                autograph=False,  # no Python control flow to rewrite, and reading it takes seconds
            )
            for function in (self._signals_of, self._packed_signals_of)
        )

    def signals(self, images: tf.Tensor | np.ndarray) -> Signals:
        """Computes logits and attention maps; no tapped activation leaves the graph.

        Args:
            images: float32 [batch, height, width, channels] in [0, 1].

        Returns:
            Signals, in evaluation mode and without gradients. Works inside `tf.function`.

        Raises:
            TeacherError: images of another dtype or shape.
        """
        return self._compute_signals(self._images(images))

    def packed_signals(self, images: tf.Tensor | np.ndarray) -> Signals:
        """Does what `signals` does, with the maps packed, float32 [batch, p].

        `rnascl_tf.layers.unpack_maps` makes the maps of `signals` of them.
        """
        return self._compute_packed(self._images(images))

    def _images(self, images: tf.Tensor | np.ndarray) -> tf.Tensor:
        images = tf.convert_to_tensor(images)
        if images.dtype != tf.float32 or not images.shape[1:].is_compatible_with(self.input_shape):
            raise TeacherError(
                f"teacher {self.name} got images of {images.dtype.name} {list(images.shape)}, "
                f"wanted float32 [N, {', '.join(map(str, self.input_shape))}] in [0, 1]."
            )
        return images

    def _signals_of(self, images: tf.Tensor) -> Signals:
        return self._answer(images, attention_maps)

    def _packed_signals_of(self, images: tf.Tensor) -> Signals:
        return self._answer(images, pack_maps)

    def _answer(self, images: tf.Tensor, maps_of: Callable[..., tf.Tensor]) -> Signals:
        outputs = self._signals_model(images, training=False)
        maps = maps_of([outputs["taps"][n] for n in self.tap_names], self.attention_size)
        logits = tf.cast(outputs["logits"], tf.float32)
        return Signals(tf.stop_gradient(logits), tf.stop_gradient(maps))

    def verify(self, images: np.ndarray, tolerance: float = TOLERANCE) -> Verification:
        """Does what `compare` does, and refuses a teacher that differs.

        Raises:
            TeacherError: an error is over `tolerance` or not a number (the message names the worst
                output), or the images are not as wanted.
        """
        verification = self.compare(images, tolerance)
        verification.require(self.name)
        return verification

    def compare(self, images: np.ndarray, tolerance: float = TOLERANCE) -> Verification:
        """Compares logits and taps with the reference.

        Imported files are compared with onnxruntime, in logits and every tap; Keras models with
        themselves before they were tapped, in logits only.

        Args:
            images: float32 [N, height, width, channels] in [0, 1], N at least 1; real ones,
                because noise may leave layers silent.
            tolerance: largest relative error to accept.

        Raises:
            TeacherError: the images are not as wanted.
        """
        images = self._checked(images)
        errors = RelativeErrors()
        taps = self.model.output["taps"].values()
        tap_bytes = sum(4 * int(np.prod(tensor.shape[1:])) for tensor in taps)
        size = max(1, min(VERIFY_BATCH, VERIFY_BYTES // max(1, tap_bytes)))
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            outputs = self.model(batch, training=False)
            computed = {"logits": outputs["logits"], **outputs["taps"]}
            for name, wanted in self._reference(batch).items():
                errors.add(name, computed[name], wanted)
        return Verification(
            errors=errors.errors(),
            images=len(images),
            tolerance=tolerance,
            reference=self._reference.description,
        )

    def _checked(self, images: np.ndarray) -> np.ndarray:
        images = np.asarray(images)
        wanted = f"float32 [N, {', '.join(map(str, self.input_shape))}] in [0, 1], N at least 1"
        if images.dtype != np.float32 or images.shape[1:] != self.input_shape or not len(images):
            raise TeacherError(
                f"verify got images of {images.dtype} {list(images.shape)}, wanted {wanted}."
            )
        low, high = images.min(), images.max()
        if not (low >= 0 and high <= 1):
            raise TeacherError(f"verify got images in [{low:g}, {high:g}], wanted {wanted}.")
        return images
