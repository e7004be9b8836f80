"""Runs an ONNX file in onnxruntime, the judge of what the converted network should compute."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from teachers.errors import TeacherError, first_line
from teachers.normalization import PixelNormalization
from teachers.onnx_file import load_proto


class OnnxReference:
    """Computes logits and tapped tensors of an ONNX file.

    Args:
        path: the file; read again at the first call, so that a loaded teacher does not keep it.
        sha256: digest that the file must still have then.
        tensor_names: for "logits" and each tap, the ONNX tensor's name.
        batch: batch size fixed in the file, or None.
        normalization: of the images before the file's own input; None if it normalises itself.
    """

    description = "onnxruntime"

    def __init__(
        self,
        path: Path,
        sha256: str,
        tensor_names: Mapping[str, str],
        batch: int | None,
        normalization: PixelNormalization | None,
    ):
        self._path = path
        self._sha256 = sha256
        self._tensor_names = dict(tensor_names)
        self._batch = batch
        self._normalization = normalization
        self._session = None

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Runs the file.

        Args:
            images: float32 [N, height, width, channels] in [0, 1].

        Returns:
            "logits" [N, classes] and each tap [N, height, width, channels], float32.

        Raises:
            TeacherError: the file has changed since it was loaded, or onnxruntime refuses it.
        """
        if self._session is None:
            self._session = self._open()
        if self._normalization is not None:
            mean, std = self._normalization.mean, self._normalization.std
            images = (images - np.float32(mean)) / np.float32(std)
        images = images.transpose(0, 3, 1, 2)
        batch = self._batch or len(images)
        # A file of fixed batch gets whole batches; the last one repeats an image to fill up.
        padded = np.concatenate([images, np.repeat(images[-1:], -len(images) % batch, axis=0)])
        input_name = self._session.get_inputs()[0].name
        wanted = list(self._tensor_names.values())
        with self._refusals():
            runs = [
                self._session.run(wanted, {input_name: padded[start : start + batch]})
                for start in range(0, len(padded), batch)
            ]
        outputs = {}
        for name, pieces in zip(self._tensor_names, zip(*runs, strict=True), strict=True):
            array = np.concatenate(pieces)[: len(images)]
            outputs[name] = array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
        return outputs

    def _open(self):
        proto, sha256 = load_proto(self._path)
        if sha256 != self._sha256:
            raise TeacherError(f"{self._path} has changed since it was loaded; load it again.")
        del proto.graph.output[:]
        for name in dict.fromkeys(self._tensor_names.values()):
            proto.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # it warns about every output without a declared type
        with self._refusals():
            return onnxruntime.InferenceSession(
                proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )

    @contextlib.contextmanager
    def _refusals(self):
        try:
            yield
        except Exception as error:  # onnxruntime's errors share no base but this
            raise TeacherError(
                f"onnxruntime, with which {self._path} is compared, refuses it "
                f"({first_line(error)}); export it again, for a lower opset or IR version."
            ) from error
