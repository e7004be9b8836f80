"""Exports a PyTorch classifier as ONNX and compares the imported file with PyTorch itself.

PyTorch's TorchScript exporter is used (`dynamo=False`; in 2.15 it is still there, with a notice that
the other one is the default). It needs no further package, writes opset 17, and can keep batch norms
apart from convolutions, so that a tap is a convolution's own output, as in the native Keras networks.
The other exporter needs onnxscript and writes opset 18 or newer.
"""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from rnascl_tf.errors import first_line
from rnascl_tf.files import atomic_file
from teachers.errors import TeacherError
from teachers.onnx_import.teacher import load_onnx
from teachers.pytorch.zoo_entry import InputNormalization
from teachers.relative_error import Comparison, RelativeErrors
from teachers.taps.names import unique_names
from teachers.teacher import TOLERANCE

OPSET = 17

_BATCH = 8
"""Images compared at once: the outputs of all convolutions are held two or three times."""


@dataclass(frozen=True)
class ExportProof(Comparison):
    """How far an exported file is from its PyTorch network.

    Attributes:
        errors: max |file - PyTorch| / max |PyTorch| of "logits in onnxruntime", of the imported
            teacher's "logits", and of each of its taps by name.
        images: how many images were compared.
        sha256: of the file.
        num_classes: length of the logits.
        tap_names: convolutions that the import taps, without projection shortcuts.
    """

    sha256: str
    num_classes: int
    tap_names: tuple[str, ...]


class NormalizedNetwork(torch.nn.Module):
    """A network with its input normalisation in front: images [N, 3, H, W] in [0, 1] -> logits.

    Args:
        network: takes normalised images.
        normalization: what it expects; None for unchanged images.
    """

    def __init__(self, network: torch.nn.Module, normalization: InputNormalization | None) -> None:
        super().__init__()
        self.network = network
        self.normalization = normalization
        if normalization is not None:
            for name in ("mean", "std"):
                values = torch.tensor(getattr(normalization, name), dtype=torch.float32)
                self.register_buffer(name, values.reshape(1, -1, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns logits [N, K]."""
        if self.normalization is not None:
            if self.normalization.clamps:
                images = images.clamp(0.0, 1.0)
            images = (images - self.mean) / self.std
        return self.network(images)


def export_onnx(
    network: torch.nn.Module,
    path: str | Path,
    images: np.ndarray,
    *,
    normalization: InputNormalization | None = None,
    tolerance: float = TOLERANCE,
) -> ExportProof:
    """Writes a network as one ONNX file (free batch, weights and normalisation inside) and checks it.

    The file takes images [N, 3, H, W] in [0, 1], of the size of `images`. Its Conv nodes are named
    after their PyTorch modules: layer1_0_conv1 for layer1.0.conv1. It is written to `path` only
    after it has passed the comparison.

    Args:
        network: takes normalised images; it is put into evaluation mode.
        path: the .onnx file to write, replaced if it exists.
        images: float32 [N, H, W, 3] in [0, 1], N at least 1, for the comparison: real ones, because
            noise may leave layers silent.
        normalization: what the network expects.
        tolerance: largest relative error to accept.

    Raises:
        TeacherError: PyTorch cannot export the network, the file cannot be imported, or one of its
            outputs differs from PyTorch's.
    """
    path = Path(path)
    images = np.ascontiguousarray(images, np.float32)
    whole = NormalizedNetwork(network, normalization).eval()
    if images.ndim != 4 or not len(images):
        raise TeacherError(f"the comparison got images {list(images.shape)}, wanted [N, H, W, C].")
    with atomic_file(path) as written:
        _write(whole, images, written)
        proof = _prove(whole, written, images)
        if not proof.largest <= tolerance:
            raise TeacherError(
                f"{path.name} differs from PyTorch by {proof.largest:.2g} relative at "
                f"{proof.worst!r}, wanted at most {tolerance:.2g}; it was not written: export this "
                "network with torch.onnx.export yourself and check the file in onnxruntime."
            )
    return proof


def _write(whole: NormalizedNetwork, images: np.ndarray, path: Path) -> None:
    sample = _channels_first(images[:1])
    try:
        with _recorded_convolutions(whole) as outputs, torch.no_grad():
            whole(sample)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it announces its successor
            torch.onnx.export(
                whole,
                (sample,),
                str(path),
                input_names=["images"],
                output_names=["logits"],
                dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
                opset_version=OPSET,
                dynamo=False,
                # Evaluation mode as it is set, without the fusion of batch norms that EVAL does.
                training=torch.onnx.TrainingMode.PRESERVE,
            )
    except (RuntimeError, ValueError, TypeError, torch.onnx.errors.OnnxExporterError) as error:
        raise TeacherError(
            f"PyTorch cannot export the network for images {list(images.shape[1:])} "
            f"({first_line(error, limit=150)}); check --architecture and --input_size."
        ) from error
    _name_convolutions(path, _names(outputs))


def _channels_first(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


@contextlib.contextmanager
def _recorded_convolutions(whole: NormalizedNetwork) -> Iterator[list[tuple[str, torch.Tensor]]]:
    """Yields a list that collects each convolution's module name and output while a network runs."""
    outputs: list[tuple[str, torch.Tensor]] = []
    hooks = []
    for name, module in whole.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            key = name.removeprefix("network.")
            hooks.append(
                module.register_forward_hook(
                    lambda _, __, output, key=key: outputs.append((key, output.detach()))
                )
            )
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def _names(outputs: Sequence[tuple[str, torch.Tensor]]) -> list[str]:
    """Returns one name per recorded convolution; a module that runs again gets `_2`, `_3`, ..."""
    return unique_names(name for name, _ in outputs)


def _name_convolutions(path: Path, names: Sequence[str]) -> None:
    """Names the file's Conv nodes after PyTorch's modules, which ran in the same order."""
    proto = onnx.load(path)
    nodes = [node for node in proto.graph.node if node.op_type == "Conv"]
    if len(nodes) != len(names):
        raise TeacherError(
            f"PyTorch exported {len(nodes)} convolutions of a network that runs {len(names)}; "
            "only networks whose convolutions are all torch.nn.Conv2d can be exported."
        )
    for node, name in zip(nodes, names, strict=True):
        node.name = name
    onnx.save(proto, path)


def _prove(whole: NormalizedNetwork, path: Path, images: np.ndarray) -> ExportProof:
    teacher = load_onnx(path, input_shape=images.shape[1:])
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    errors = RelativeErrors()
    for start in range(0, len(images), _BATCH):
        batch = _channels_first(images[start : start + _BATCH])
        with _recorded_convolutions(whole) as outputs, torch.no_grad():
            logits = whole(batch).numpy()
        imported = teacher.model(images[start : start + _BATCH], training=False)
        (in_onnxruntime,) = session.run(None, {"images": batch.numpy()})
        compared = [
            ("logits in onnxruntime", in_onnxruntime, logits),
            ("logits", imported["logits"], logits),
        ]
        for tap, (_, output) in zip(_names(outputs), outputs, strict=True):
            if tap in imported["taps"]:
                wanted = output.numpy().transpose(0, 2, 3, 1)
                compared.append((tap, imported["taps"][tap], wanted))
        for name, found, wanted in compared:
            errors.add(name, found, wanted)
    return ExportProof(
        errors.errors(), len(images), teacher.sha256, teacher.num_classes, teacher.tap_names
    )
