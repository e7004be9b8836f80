"""One TFLite file as a classifier, run by the LiteRT interpreter.

Images are classified one by one: devices use a batch of 1, and latency is measured with it. Batches
would gain nothing: on a CPU, S3 takes 0.22 ms per image so, and 0.21 ms in batches of 64 (float32).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.lite_runtime import create_interpreter

# Bytes 4 to 8 of every TFLite file (the file identifier of its FlatBuffers schema).
_IDENTIFIER = b"TFL3"


class TFLiteClassifier:
    """Runs a TFLite classifier with one image input and one output of logits.

    Attributes:
        input_shape: (height, width, channels) of an image.
        num_classes: number of logits.

    Args:
        tflite_bytes: the file's content.
        threads: CPU threads of the interpreter, 1 or more.

    Raises:
        DeployError: the bytes are not a TFLite file, are cut off or damaged, or are not a classifier
            of single images; or `threads` is below 1.
    """

    def __init__(self, tflite_bytes: bytes, threads: int = 1) -> None:
        if threads < 1:
            raise DeployError(f"threads must be 1 or more, got {threads}.")
        if bytes(tflite_bytes[4:8]) != _IDENTIFIER:
            raise DeployError(
                "this is not a TFLite file (the mark TFL3 is missing): give a file that export wrote."
            )
        try:
            # LiteRT checks every offset in the file before it follows it, so damage raises here.
            self._interpreter = create_interpreter(tflite_bytes, num_threads=threads)
        except (ValueError, RuntimeError) as error:
            raise _damaged(error) from error
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        shapes = [tuple(int(size) for size in end["shape"]) for end in inputs + outputs]
        if [len(shape) for shape in shapes] != [4, 2] or {shape[0] for shape in shapes} != {1}:
            raise DeployError(
                "the TFLite file must take one image [1, height, width, channels] and return logits "
                f"[1, classes], but its inputs and outputs are {shapes}."
            )
        (self._input,), (self._output,) = inputs, outputs
        self.input_shape: tuple[int, ...] = shapes[0][1:]
        (self.num_classes,) = shapes[1][1:]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns logits, dequantised if the file returns integers.

        Args:
            images: float32 [n, height, width, channels] in [0, 1], n 0 or more.

        Returns:
            float32 [n, classes].

        Raises:
            DeployError: the images have another dtype, shape or range.
        """
        if images.dtype != np.float32 or images.shape[1:] != self.input_shape:
            raise DeployError(
                f"images must be float32 [n, {', '.join(map(str, self.input_shape))}], got "
                f"{images.dtype} {list(images.shape)}."
            )
        # In this form NaN fails, too.
        if images.size and not (images.min() >= 0 and images.max() <= 1):
            raise DeployError(f"images must be in [0, 1], got {images.min()} to {images.max()}.")
        logits = np.empty((len(images), self.num_classes), np.float32)
        for row, image in enumerate(images):
            self.set_image(image)
            self.invoke()
            logits[row] = self._logits()
        return logits

    def set_image(self, image: np.ndarray) -> None:
        """Sets the image that `invoke` classifies, float32 [height, width, channels] in [0, 1]."""
        self._interpreter.set_tensor(self._input["index"], _quantized(image, self._input)[None])

    def invoke(self) -> None:
        """Runs the network once on the image that was set.

        Raises:
            DeployError: the file is damaged in a part that is only read when it runs.
        """
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise _damaged(error) from error

    def _logits(self) -> np.ndarray:
        values: np.ndarray = self._interpreter.get_tensor(self._output["index"])[0]
        scale, zero_point = self._output["quantization"]
        if np.issubdtype(values.dtype, np.integer):
            return (values.astype(np.float32) - zero_point) * np.float32(scale)
        return values


def _damaged(error: Exception) -> DeployError:
    return DeployError(f"the TFLite file is damaged or cut off: export it again ({error}).")


def _quantized(image: np.ndarray, end: Mapping[str, Any]) -> np.ndarray:
    """Returns q = round(v / scale) + zero_point, saturated, for an integer input; else v itself."""
    dtype = end["dtype"]
    if not np.issubdtype(dtype, np.integer):
        return image
    scale, zero_point = end["quantization"]
    limits = np.iinfo(dtype)
    return np.clip(np.rint(image / scale) + zero_point, limits.min, limits.max).astype(dtype)
