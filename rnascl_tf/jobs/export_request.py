"""What an export of a PyTorch checkpoint needs to know, checked without PyTorch and TensorFlow."""

import dataclasses
import math
from pathlib import Path

from rnascl_tf.files import require_file
from teachers.errors import TeacherError
from teachers.pytorch.zoo import zoo_entry
from teachers.pytorch.zoo_entry import InputNormalization, ZooEntry


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """An export: either of a known checkpoint (`zoo`), or of one that is described.

    Attributes:
        out: the .onnx file to write.
        checkpoint: the PyTorch file.
        zoo: name of the known checkpoint.
        architecture: network of another one, as "wide_resnet34_10".
        num_classes: number of its logits.
        input_size: side of its square images in pixels.
        mean: per-channel mean that it expects to be subtracted, or None.
        std: per-channel standard deviation, likewise.
        state_key: key of the state dict to take, if the file holds several.
        images: for the proof: a folder of image files, or an .npz file with `images`; None:
            photographs.
        overwrite: replace `out`.
    """

    out: str | Path | None = None
    checkpoint: str | Path | None = None
    zoo: str | None = None
    architecture: str | None = None
    num_classes: int | None = None
    input_size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    state_key: str | None = None
    images: str | Path | None = None
    overwrite: bool = False


@dataclasses.dataclass(frozen=True)
class CheckedExport:
    """A request that is complete.

    Attributes:
        out: the file to write.
        checkpoint: the PyTorch file.
        entry: of the zoo, or None.
        architecture: the network's name.
        num_classes: number of its logits.
        input_shape: (height, width, channels) of its images.
        normalization: what it expects, or None if nothing is known.
    """

    out: Path
    checkpoint: Path
    entry: ZooEntry | None
    architecture: str
    num_classes: int
    input_shape: tuple[int, int, int]
    normalization: InputNormalization | None


def check_export(request: ExportRequest) -> CheckedExport:
    """Returns the request completed by what the zoo knows.

    Raises:
        TeacherError: something is missing, contradictory or out of range.
        UserError: the checkpoint does not exist.
    """
    out = _out(request)
    if request.zoo is None:
        entry = None
        architecture, num_classes, input_shape = _described(request)
        normalization = _normalization(request)
    else:
        entry = zoo_entry(request.zoo)
        _refuse_contradictions(request)
        architecture, num_classes = entry.architecture, entry.num_classes
        input_shape, normalization = entry.input_shape, entry.normalization
    if request.checkpoint is None:
        where = f": get it from {entry.published}" if entry else ""
        raise TeacherError(f"--checkpoint is missing; give the PyTorch file{where}.")
    checkpoint = require_file(request.checkpoint, "the PyTorch file", "--checkpoint=")
    return CheckedExport(
        out, checkpoint, entry, architecture, num_classes, input_shape, normalization
    )


def _out(request: ExportRequest) -> Path:
    if request.out is None:
        raise TeacherError("--out is missing: give the ONNX file to write; see --help and --list.")
    out = Path(request.out)
    if out.suffix != ".onnx":
        raise TeacherError(f"--out={out} should end in .onnx.")
    if not out.parent.is_dir():
        raise TeacherError(f"--out={out}: there is no folder {out.parent}; make it first.")
    if out.exists() and not request.overwrite:
        raise TeacherError(f"--out={out} exists; give another name, or --overwrite.")
    return out


def _refuse_contradictions(request: ExportRequest) -> None:
    for name in ("architecture", "num_classes", "input_size", "mean", "std"):
        if getattr(request, name) is not None:
            raise TeacherError(f"--zoo={request.zoo} says it all: leave --{name} out.")


def _described(request: ExportRequest) -> tuple[str, int, tuple[int, int, int]]:
    """Returns architecture, number of classes and (height, width, channels)."""
    if request.architecture is None:
        raise TeacherError(
            "--zoo is missing: give a name that --list shows, or --architecture, --num_classes and "
            "--input_size."
        )
    missing = [name for name in ("num_classes", "input_size") if getattr(request, name) is None]
    if request.num_classes is None or request.input_size is None:
        raise TeacherError(
            f"--architecture={request.architecture} needs --{' and --'.join(missing)} with it."
        )
    return request.architecture, request.num_classes, (request.input_size, request.input_size, 3)


def _normalization(request: ExportRequest) -> InputNormalization | None:
    if request.mean is None and request.std is None:
        return None
    mean, std = request.mean or (), request.std or ()
    finite = all(map(math.isfinite, mean + std))
    if len(mean) != 3 or len(std) != 3 or not finite or min(std) <= 0:
        mean_text, std_text = (",".join(f"{value:g}" for value in values) for values in (mean, std))
        raise TeacherError(
            f"--mean={mean_text} and --std={std_text} should be three finite numbers each, the "
            "standard deviations positive."
        )
    return InputNormalization((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))
