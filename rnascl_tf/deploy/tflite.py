"""SavedModel to TFLite, in four kinds; the only file that uses the converter.

| kind    | weights | arithmetic                     | input and output |
|---------|---------|--------------------------------|------------------|
| float32 | float32 | float32                        | float32          |
| float16 | float16 | float32 (weights are expanded) | float32          |
| dynamic | int8    | int8, scales found when it runs| float32          |
| int8    | int8    | int8 with calibrated scales    | int8             |

Quantised weights have one scale per output channel in convolutions, and one per kernel in some dense
layers; activations have one scale and zero point per tensor.

Only TFLite's own operators are allowed. A model that also needs TensorFlow's is refused, because the
runtime of a device could not load it.
"""

import contextlib
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.tflite_kinds import KINDS
from rnascl_tf.deploy.tflite_quantization import float_operators

SIGNATURE = "serving_default"


def convert(saved_model_dir: str | Path, kind: str, calibration: np.ndarray | None = None) -> bytes:
    """Converts a SavedModel to a TFLite file of one kind; see `convert_each`."""
    return dict(convert_each(saved_model_dir, (kind,), calibration))[kind]


def convert_each(
    saved_model_dir: str | Path, kinds: Sequence[str], calibration: np.ndarray | None = None
) -> Iterator[tuple[str, bytes]]:
    """Converts a SavedModel whose `serving_default` takes one batch of images.

    The files have this one signature, with the logits as its only output. Probabilities would cost
    time on the device, are not needed to rank classes, and would lose most of their digits in int8.

    Args:
        saved_model_dir: folder that `export_saved_model` wrote, or another whose signature has one
            input, and one output or one named "logits".
        kinds: some of `KINDS`.
        calibration: for int8 only: float32 [n, height, width, channels] in [0, 1], training images
            from which the ranges of all activations are found.

    Yields:
        Each kind and the content of its TFLite file.

    Raises:
        DeployError: an unknown kind; the folder is not such a SavedModel; the calibration images are
            missing or have another shape or range; or TFLite lacks operators of the model, for int8
            also if it has them in float only (they are named).
    """
    for kind in kinds:
        if kind not in KINDS:
            raise DeployError(f"unknown TFLite kind {kind!r}: give one of {', '.join(KINDS)}.")
    if "int8" in kinds:
        # The most common mistake, found before the model is read, which may take a minute.
        calibration = _checked_calibration(calibration)
    with tempfile.TemporaryDirectory() as scratch:
        name, shape = _write_logits_only(saved_model_dir, scratch)
        if calibration is not None and "int8" in kinds and calibration.shape[1:] != shape:
            raise DeployError(
                f"calibration images are {calibration.shape[1:]}, the model takes {shape}."
            )
        for kind in kinds:
            converter = tf.lite.TFLiteConverter.from_saved_model(
                scratch, signature_keys=[SIGNATURE]
            )
            _set_kind(converter, kind, name, calibration)
            content = _converted(converter)
            if kind == "int8":
                _check_integer(content)
            yield kind, content


def _set_kind(converter: Any, kind: str, name: str, calibration: np.ndarray | None) -> None:
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8" and calibration is not None:
        converter.representative_dataset = lambda: ({name: image[None]} for image in calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8


def _converted(converter: Any) -> bytes:
    try:
        with warnings.catch_warnings():
            # Calibration runs TensorFlow's own interpreter, which warns each time that it will go.
            warnings.filterwarnings("ignore", message="(?s).*tf.lite.Interpreter is deprecated")
            with _without_remarks():
                content: bytes = converter.convert()
                return content
    except Exception as error:  # the converter's error class is not public
        names = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", str(error))))
        if not names:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise DeployError(f"TensorFlow's converter failed: {said[:300]}.") from error
        raise DeployError(
            f"TFLite has no operator for {', '.join(names)}: replace what uses it in the network."
        ) from error


def _check_integer(content: bytes) -> None:
    """Refuses a file in which the converter has silently left operators in float."""
    names = float_operators(content)
    if names:
        raise DeployError(
            f"TFLite has {', '.join(names)} in float only, so the int8 file would not be full "
            "integer: replace what uses it in the network, or export the other kinds."
        )


@contextlib.contextmanager
def _without_remarks() -> Iterator[None]:
    """Discards what the converter's C++ code writes to standard error; errors are exceptions."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as null:
            os.dup2(null.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def _checked_calibration(images: np.ndarray | None) -> np.ndarray:
    if images is None or not len(images):
        raise DeployError("int8 needs calibration images: give at least one, better 100 or more.")
    if images.dtype != np.float32 or images.ndim != 4:
        raise DeployError(
            "calibration must be float32 [n, height, width, channels], got "
            f"{images.dtype} {images.shape}."
        )
    if not (images.min() >= 0 and images.max() <= 1):
        raise DeployError(
            f"calibration images must be in [0, 1], got {images.min()} to {images.max()}."
        )
    return images


def _write_logits_only(saved_model_dir: str | Path, directory: str) -> tuple[str, tuple[int, ...]]:
    """Writes a SavedModel with one signature, which only returns the logits.

    Returns:
        The name of its input, and the shape of an image.
    """
    try:
        loaded = tf.saved_model.load(str(saved_model_dir))
        signature = loaded.signatures[SIGNATURE]
    except (OSError, KeyError) as error:
        raise DeployError(
            f"{saved_model_dir} is not a SavedModel with the signature {SIGNATURE}: export the model "
            "to it first."
        ) from error
    inputs = signature.structured_input_signature[1]
    outputs = sorted(signature.structured_outputs)
    if len(inputs) != 1 or (len(outputs) != 1 and "logits" not in outputs):
        raise DeployError(
            f"{saved_model_dir} has the inputs {sorted(inputs)} and the outputs {outputs}; it needs "
            "one batch of images as input and an output named logits."
        )
    ((name, spec),) = inputs.items()
    output = "logits" if "logits" in outputs else outputs[0]

    @tf.function(
        input_signature=[tf.TensorSpec(spec.shape, spec.dtype, name=name)], autograph=False
    )
    def logits_only(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"logits": signature(**{name: images})[output]}

    # The saved object must own the weights that the signature reads.
    tf.saved_model.save(
        tf.train.Checkpoint(loaded=loaded), directory, signatures={SIGNATURE: logits_only}
    )
    return name, tuple(spec.shape[1:])
