"""Runs an ONNX file in onnxruntime, the reference for the converted network."""

import contextlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from absl import logging

from rnascl_tf.errors import first_line
from rnascl_tf.layers.pixel_normalization import PixelNormalization
from teachers.errors import TeacherError
from teachers.onnx_import.file import load_proto
from teachers.onnx_import.graph import OnnxGraph


class OnnxReference:
    """Computes logits and tapped tensors of an ONNX file.

    Args:
        path: the file; read again at the first call, so that a teacher does not keep it in memory.
        graph: as read from the file, which must not change before the first call.
        tensor_names: name of the ONNX tensor for "logits" and each tap.
        normalization: of the images before the file's own input; None if it normalises itself.
        softmax: output of a final Softmax to leave out, or None.
    """

    description = "onnxruntime"

    def __init__(
        self,
        path: Path,
        graph: OnnxGraph,
        tensor_names: Mapping[str, str],
        normalization: PixelNormalization | None,
        softmax: str | None = None,
    ) -> None:
        self._path = path
        self._sha256 = graph.sha256
        self._input_name = graph.input_name
        self._channels_last = graph.channels_last
        self._tensor_names = dict(tensor_names)
        self._batch = graph.batch
        self._normalization = normalization
        self._softmax = softmax
        self._session: onnxruntime.InferenceSession | None = None

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
        session = self._session
        if self._normalization is not None:
            mean = np.asarray(self._normalization.mean, np.float32)
            std = np.asarray(self._normalization.std, np.float32)
            images = (images - mean) / std
        if not self._channels_last:
            images = images.transpose(0, 3, 1, 2)
        batch = self._batch or len(images)
        # A file of fixed batch gets whole batches; the last one is filled up with copies of an image.
        padded = np.concatenate([images, np.repeat(images[-1:], -len(images) % batch, axis=0)])
        wanted = list(self._tensor_names.values())
        with self._refusals():
            runs = [
                session.run(wanted, {self._input_name: padded[start : start + batch]})
                for start in range(0, len(padded), batch)
            ]
        outputs = {}
        for name, pieces in zip(self._tensor_names, zip(*runs, strict=True), strict=True):
            array = np.concatenate(pieces)[: len(images)]
            outputs[name] = array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
        return outputs

    def _open(self) -> onnxruntime.InferenceSession:
        # Through a file, so that no further copy of the weights is in memory meanwhile.
        with self._refusals(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "reference.onnx"
            path.write_bytes(self._content())
            try:
                return _session(path)
            except Exception as error:
                # A newer IR version only adds number types; the meaning of a file depends on its opset.
                newest = re.search(r"max supported IR version: (\d+)", str(error))
                if newest is None:
                    raise
            proto = onnx.load(path)
            found, proto.ir_version = proto.ir_version, int(newest.group(1))
            logging.info(
                "%s has IR version %d; onnxruntime reads it as version %d, its newest.",
                self._path,
                found,
                proto.ir_version,
            )
            onnx.save(proto, path)
            del proto
            return _session(path)

    def _content(self) -> bytes:
        """Returns the file's bytes, changed to give the wanted outputs and its logits."""
        proto, sha256 = load_proto(self._path)
        if sha256 != self._sha256:
            raise TeacherError(f"{self._path} has changed since it was loaded; load it again.")
        _keep_outputs(proto.graph, dict.fromkeys(self._tensor_names.values()))
        for node in proto.graph.node:
            if self._softmax in node.output:
                node.op_type = "Identity"
                del node.attribute[:]
        return proto.SerializeToString()

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except TeacherError:
            raise
        except Exception as error:  # onnxruntime's errors share no base but this
            raise TeacherError(
                f"onnxruntime, with which {self._path} is compared, refuses it "
                f"({first_line(error)}); export it again, for a lower opset or IR version."
            ) from error


def _keep_outputs(graph: onnx.GraphProto, names: Iterable[str]) -> None:
    """Makes tensors the outputs of a graph and drops the nodes that none of them needs.

    onnxruntime then does not refuse a node that the import has ignored.
    """
    wanted = set(names)
    for index in reversed(range(len(graph.node))):
        if wanted.intersection(graph.node[index].output):
            wanted.update(graph.node[index].input)
        else:
            del graph.node[index]
    del graph.output[:]
    for name in names:
        graph.output.append(onnx.helper.make_empty_tensor_value_info(name))


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns about every output without a declared type
    # The reference computes exactly what the file says. Optimisers would keep second copies of the
    # weights, and one of them (Pad_Fusion, onnxruntime 1.31) is wrong: it moves a padding by zeros
    # before a MaxPool into the pool, whose own padding never wins.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
