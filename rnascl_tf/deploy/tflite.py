"""SavedModel to TFLite, in four kinds; the only file that knows the converter.

| kind    | weights | arithmetic                     | input and output |
|---------|---------|--------------------------------|------------------|
| float32 | float32 | float32                        | float32          |
| float16 | float16 | float32 (weights are expanded) | float32          |
| dynamic | int8    | int8 with scales found at run  | float32          |
| int8    | int8    | int8 with calibrated scales    | int8             |

Only TFLite's own operators are allowed: a model that needs TensorFlow's in addition is refused,
since the plain runtime of a device could not load it.
"""

import re
import warnings

import numpy as np
import tensorflow as tf

from rnascl_tf.deploy.errors import DeployError

KINDS = ("float32", "float16", "dynamic", "int8")


def convert(saved_model_dir, kind, calibration=None):
    """Converts a SavedModel with one `serving_default` input.

    Args:
        saved_model_dir: folder that `export_saved_model` wrote.
        kind: one of `KINDS`.
        calibration: for int8, and only read there: float32 [n, height, width, channels] in [0, 1],
            training images from which the ranges of all activations are found.

    Returns:
        The TFLite file, bytes.

    Raises:
        DeployError: unknown kind, no SavedModel there, calibration missing, empty or of another
            shape or range, or the model has operators that TFLite lacks (they are named).
    """
    if kind not in KINDS:
        raise DeployError(f"unknown TFLite kind {kind!r}: give one of {', '.join(KINDS)}.")
    if kind == "int8":
        # Before the model is read: the commonest mistake should not cost the user a minute.
        _check_calibration(calibration)
    try:
        converter = tf.lite.TFLiteConverter.from_saved_model(
            str(saved_model_dir), signature_keys=["serving_default"]
        )
    except OSError as error:
        raise DeployError(
            f"{saved_model_dir} is not a SavedModel: export the model there."
        ) from error
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        name, shape = _image_input(saved_model_dir)
        if calibration.shape[1:] != shape:
            raise DeployError(
                f"calibration images are {calibration.shape[1:]}, the model takes {shape}."
            )
        converter.representative_dataset = lambda: ({name: image[None]} for image in calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    try:
        with warnings.catch_warnings():
            # Calibration runs TensorFlow's own interpreter, which each time announces its end.
            warnings.filterwarnings("ignore", message="(?s).*tf.lite.Interpreter is deprecated")
            return converter.convert()
    except Exception as error:  # the converter's error type is not public
        names = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", str(error))))
        if not names:
            raise
        raise DeployError(
            f"TFLite has no operator for {', '.join(names)}: replace what uses it in the network."
        ) from error


def _check_calibration(images):
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


def _image_input(saved_model_dir):
    """Returns the name and the shape, without the batch, of the one input."""
    signature = tf.saved_model.load(str(saved_model_dir)).signatures["serving_default"]
    ((name, spec),) = signature.structured_input_signature[1].items()
    return name, tuple(spec.shape[1:])
