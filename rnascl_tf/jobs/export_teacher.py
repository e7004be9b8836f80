"""A robust PyTorch checkpoint to a proven ONNX file."""

from __future__ import annotations

import importlib
import zipfile
import zlib
from pathlib import Path

import numpy as np

import teachers
from rnascl_tf import data
from rnascl_tf.console import console
from rnascl_tf.jobs.export_request import CheckedExport, ExportRequest, check_export
from rnascl_tf.report.zoo_table import claimed_accuracies
from teachers.pytorch.zoo_entry import InputNormalization

PROOF_IMAGES = 16


def export_teacher(request: ExportRequest) -> Path:
    """Exports a checkpoint, and compares the file with PyTorch; a file that differs is not written.

    Returns:
        The ONNX file.

    Raises:
        UserError: the request, the checkpoint or the images cannot be used, PyTorch is not installed,
            or the file differs.
    """
    wanted = check_export(request)
    _require_pytorch()
    images, images_from = _images(request.images, wanted.input_shape)
    # Imported here, so that wrong requests are answered without PyTorch, and at once.
    from teachers.pytorch import checkpoint as torch_checkpoint
    from teachers.pytorch import networks as torch_networks
    from teachers.pytorch.export import export_onnx

    entry, architecture = wanted.entry, wanted.architecture
    _say(f"Reading {wanted.checkpoint} ...")
    state_key = request.state_key or (entry.state_key if entry else None)
    state = torch_checkpoint.read_checkpoint(wanted.checkpoint, state_key)
    is_known = entry is not None or wanted.normalization is not None
    normalization = torch_checkpoint.agreed_normalization(
        state, wanted.normalization, is_known=is_known
    )
    network = torch_networks.build(architecture, wanted.num_classes)
    torch_checkpoint.load_weights(network, state, architecture)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    _say(f"{architecture}: {parameters:,} parameters, {_described(normalization)}.")
    if state.left_out:
        _say(f"Left out {len(state.left_out)} keys that it does not use: {state.left_out[0]}, ...")
    _say(f"Exporting and comparing with PyTorch on {len(images)} images ({images_from}) ...")
    proof = export_onnx(network, wanted.out, images, normalization=normalization)
    _say(
        f"Largest relative error against PyTorch: {proof.largest:.1e} at {proof.worst}, over "
        f"{len(proof.errors)} outputs; {len(proof.tap_names)} tapped convolutions (n_t).\n"
        f"Teacher: {wanted.out} (sha256 {proof.sha256[:16]}...)"
    )
    _say_what_next(wanted)
    return wanted.out


def _say_what_next(wanted: CheckedExport) -> None:
    entry, out = wanted.entry, wanted.out
    if entry:
        claims = (
            f"If it is that checkpoint, {entry.claimed_by} lists its clean and AutoAttack accuracy as "
            f"{claimed_accuracies(entry)} %"
        )
        _say(f"{claims if entry.claimed_by else 'No figures of its accuracy known'}; not measured.")
    is_cifar10 = entry is not None and entry.dataset == "cifar10"
    _say(
        f"Measure it: rnascl import-teacher --onnx={out} --out=DIR "
        f"--dataset={'cifar10' if is_cifar10 else 'NAME'} --data_dir=PREPARED\n"
        f"Use it: rnascl run --config={'cifar10:s3' if is_cifar10 else 'RECIPE'} "
        f"--workdir=DIR --config.teacher.onnx={out}"
    )
    if not is_cifar10:
        height, width, _ = wanted.input_shape
        _say(
            f"The recipe's images must be {height}x{width}, of the same {wanted.num_classes} classes."
        )


def _say(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)


def _require_pytorch() -> None:
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise teachers.TeacherError(
            "PyTorch is not installed, and export needs it: pip install '.[torch]'."
        ) from error


def _images(source: str | Path | None, input_shape: tuple[int, int, int]) -> tuple[np.ndarray, str]:
    """Returns float32 images [N, H, W, 3] in [0, 1] for the proof, and where they come from."""
    height, width, channels = input_shape
    if source is None:
        from rnascl_tf.data.photographs import photograph_crops  # imports TensorFlow

        crops = photograph_crops(PROOF_IMAGES, height, width, channels)
        return crops, "crops of scikit-learn's two photographs"
    path = Path(source)
    if not path.is_dir():
        return _stored_images(path, input_shape), str(path)
    from rnascl_tf.data.image_files import SUFFIXES

    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise teachers.TeacherError(f"--images={path} holds no image files.")
    chosen = files[:: max(1, len(files) // PROOF_IMAGES)][:PROOF_IMAGES]
    return data.read_images(chosen, input_shape) / np.float32(255), str(path)


def _stored_images(path: Path, input_shape: tuple[int, int, int]) -> np.ndarray:
    wanted = f"`images`, uint8 or float32 in [0, 1], [N, {', '.join(map(str, input_shape))}]"
    try:
        with np.load(path, allow_pickle=False) as stored:
            images = stored["images"][:PROOF_IMAGES]
    except FileNotFoundError as error:
        raise teachers.TeacherError(f"--images={path} does not exist.") from error
    except (
        *(OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, MemoryError),
        *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
    ) as error:
        raise teachers.TeacherError(
            f"--images={path} is not an .npz file that holds {wanted}."
        ) from error
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    fits = images.dtype == np.float32 and images.shape[1:] == tuple(input_shape) and len(images)
    if not fits or not (images.min() >= 0 and images.max() <= 1):
        raise teachers.TeacherError(
            f"--images={path} holds {images.dtype} {list(images.shape)}, wanted {wanted}."
        )
    return images


def _described(normalization: InputNormalization | None) -> str:
    if normalization is None:
        return "takes images in [0, 1] as they are"
    clamps = ", after limiting them to [0, 1]" if normalization.clamps else ""
    return f"normalises images by {normalization}{clamps}"
