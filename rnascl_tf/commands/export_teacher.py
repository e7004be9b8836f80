"""The command `rnascl export-teacher`: a robust PyTorch checkpoint to a proven ONNX file."""

import importlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
import rich.box
import rich.table

import teachers
from rnascl_tf import command_line
from rnascl_tf.command_line import CommandFlags
from rnascl_tf.console import console, print_whole
from rnascl_tf.data import read_images
from rnascl_tf.data.image_files import SUFFIXES
from rnascl_tf.data.photographs import photograph_crops
from teachers import TeacherError
from teachers.pytorch.zoo import ZOO, zoo_entry
from teachers.pytorch.zoo_entry import InputNormalization

USAGE = f"""
Export a robust PyTorch checkpoint as an ONNX teacher, and prove the file against PyTorch.

usage: rnascl export-teacher --zoo=NAME --checkpoint=FILE --out=FILE.onnx
       rnascl export-teacher --architecture=NAME --num_classes=N --input_size=N
           [--mean=A,B,C --std=A,B,C] --checkpoint=FILE --out=FILE.onnx
       rnascl export-teacher --list

  rnascl export-teacher --zoo=wang2023_wrn28_10 --checkpoint=cifar10_linf_wrn28-10.pt \\
      --out=teacher.onnx

The checkpoint's wrappers are stripped, every key and shape is checked, its normalisation goes into the
file. Each tapped convolution and the logits are compared with PyTorch on images; over a relative error
of {teachers.TOLERANCE} nothing is written. --list shows the known checkpoints, and where they are.
Needs PyTorch: pip install '.[torch]'.

exit code: 0 done, 2 wrong input or a refused file (one line says why), 130 interrupted.
"""

PROOF_IMAGES = 16


def main(arguments):
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments, "interrupted; nothing was written.")


def _flags():
    command = CommandFlags(USAGE)
    command.text("zoo", "Which known checkpoint it is: see --list.")
    command.text("checkpoint", "The PyTorch file.")
    command.text("out", "The ONNX file to write.")
    command.text(
        "architecture", "Network of a checkpoint that is not in the zoo, as wide_resnet34_10."
    )
    command.text("state_key", "Key of the state dict to take, where the file holds several.")
    command.text(
        "images", "Images for the proof: a folder of image files, or an .npz with `images`."
    )
    command.whole("num_classes", "Number of its logits; with --architecture.", None, 1)
    command.whole("input_size", "Side of its square images; with --architecture.", None, 1)
    command.numbers(
        "mean", "Per-channel mean that it expects to be subtracted; with --architecture."
    )
    command.numbers("std", "Per-channel standard deviation, likewise.")
    command.switch("list", "Print the zoo.")
    command.switch("overwrite", "Replace --out.")
    return command


def _command(arguments):
    asked = _flags().parse(arguments)
    if asked is None:
        return
    if asked.list:
        print_whole(_zoo_table())
        return
    out = _out(asked)
    entry = zoo_entry(asked.zoo) if asked.zoo is not None else None
    architecture, num_classes, input_shape = _network_asked(asked, entry)
    normalization = entry.normalization if entry else _normalization(asked)
    if asked.checkpoint is None:
        where = f": get it from {entry.published}" if entry else " the file"
        raise TeacherError(f"--checkpoint is missing; give the PyTorch file{where}.")
    _require_pytorch()
    images, images_from = _images(asked.images, input_shape)
    _export(asked, entry, architecture, num_classes, normalization, images, images_from, out)


def _export(asked, entry, architecture, num_classes, normalization, images, images_from, out):
    # Here, so that --list, --help and wrong flags answer without PyTorch, and at once.
    from teachers.pytorch import checkpoint as torch_checkpoint
    from teachers.pytorch import networks as torch_networks
    from teachers.pytorch.export import export_onnx

    _say(f"Reading {asked.checkpoint} ...")
    state_key = asked.state_key or (entry.state_key if entry else None)
    state = torch_checkpoint.read_checkpoint(asked.checkpoint, state_key)
    normalization = torch_checkpoint.agreed_normalization(
        state, normalization, is_known=entry is not None or normalization is not None
    )
    network = torch_networks.build(architecture, num_classes)
    torch_checkpoint.load_weights(network, state, architecture)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    _say(f"{architecture}: {parameters:,} parameters, {_described(normalization)}.")
    if state.left_out:
        _say(f"Left out {len(state.left_out)} keys that it does not use: {state.left_out[0]}, ...")
    _say(f"Exporting and comparing with PyTorch on {len(images)} images ({images_from}) ...")
    proof = export_onnx(network, out, images, normalization=normalization)
    _say(
        f"Largest relative error against PyTorch: {proof.largest:.1e} at {proof.worst}, over "
        f"{len(proof.errors)} outputs; {len(proof.tap_names)} tapped convolutions (n_t).\n"
        f"Teacher: {out} (sha256 {proof.sha256[:16]}...)"
    )
    if entry:
        claims = (
            f"If it is that checkpoint, {entry.claimed_by} lists its clean and AutoAttack accuracy as "
            f"{_claims(entry)} %"
        )
        _say(f"{claims if entry.claimed_by else 'No figures of its accuracy known'}; not measured.")
    dataset = entry.dataset if entry else None
    _say(
        f"Measure it: rnascl import-teacher --onnx={out} --out=DIR "
        f"--dataset={dataset if dataset == 'cifar10' else 'NAME'} --data_dir=PREPARED\n"
        f"Use it: python -m rnascl_tf --config={'cifar10:s3' if dataset == 'cifar10' else 'RECIPE'} "
        f"--workdir=DIR --config.teacher.onnx={out}"
    )
    if dataset != "cifar10":
        height, width, _ = images.shape[1:]
        _say(f"The recipe's images must be {height}x{width}, of the same {num_classes} classes.")


def _say(text):
    console.print(text, soft_wrap=True, markup=False)


def _out(asked):
    if asked.out is None:
        raise TeacherError("--out is missing: give the ONNX file to write; see --help and --list.")
    out = Path(asked.out)
    if out.suffix != ".onnx":
        raise TeacherError(f"--out={out} should end in .onnx.")
    if not out.parent.is_dir():
        raise TeacherError(f"--out={out}: there is no folder {out.parent}; make it first.")
    if out.exists() and not asked.overwrite:
        raise TeacherError(f"--out={out} exists; give another name, or --overwrite.")
    return out


def _network_asked(asked, entry):
    """Returns architecture, number of classes and (height, width, channels)."""
    given = [
        name
        for name in ("architecture", "num_classes", "input_size", "mean", "std")
        if getattr(asked, name) not in (None,)
    ]
    if entry is not None:
        if given:
            raise TeacherError(f"--zoo={entry.name} says it all: leave --{given[0]} out.")
        return entry.architecture, entry.num_classes, entry.input_shape
    if asked.architecture is None:
        raise TeacherError(
            "--zoo is missing: give a name that --list shows, or --architecture, --num_classes and "
            "--input_size."
        )
    for name in ("num_classes", "input_size"):
        if name not in given:
            raise TeacherError(f"--architecture={asked.architecture} needs --{name} beside it.")
    return asked.architecture, asked.num_classes, (asked.input_size, asked.input_size, 3)


def _normalization(asked):
    """Returns the normalisation of --mean and --std, or None where neither was given."""
    mean, std = asked.mean, asked.std
    if not mean and not std:
        return None
    if not mean or not std or len(mean) != 3 or len(std) != 3 or not min(std) > 0:
        raise TeacherError(
            f"--mean={_listed(mean)} and --std={_listed(std)} should be three numbers each, the "
            "standard deviations positive."
        )
    if not np.isfinite(mean + std).all():
        raise TeacherError(f"--mean={_listed(mean)} and --std={_listed(std)} should be finite.")
    return InputNormalization(mean, std)


def _listed(numbers):
    return ",".join(f"{number:g}" for number in numbers or ())


def _require_pytorch():
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise TeacherError(
            "PyTorch is not installed, and export needs it: pip install '.[torch]'."
        ) from error


def _images(source, input_shape):
    """Returns float32 images [N, H, W, 3] in [0, 1] for the proof, and where they come from."""
    height, width, channels = input_shape
    if source is None:
        crops = photograph_crops(PROOF_IMAGES, height, width, channels)
        return crops, "crops of scikit-learn's two photographs"
    path = Path(source)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        if not files:
            raise TeacherError(f"--images={path} holds no image files.")
        chosen = files[:: max(1, len(files) // PROOF_IMAGES)][:PROOF_IMAGES]
        return read_images(chosen, input_shape) / np.float32(255), str(path)
    return _stored_images(path, input_shape), str(path)


def _stored_images(path, input_shape):
    wanted = f"`images`, uint8 or float32 in [0, 1], [N, {', '.join(map(str, input_shape))}]"
    try:
        with np.load(path, allow_pickle=False) as stored:
            images = stored["images"][:PROOF_IMAGES]
    except FileNotFoundError as error:
        raise TeacherError(f"--images={path} does not exist.") from error
    except (
        *(OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, MemoryError),
        *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
    ) as error:
        raise TeacherError(f"--images={path} is no .npz file that holds {wanted}.") from error
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    fits = images.dtype == np.float32 and images.shape[1:] == tuple(input_shape) and len(images)
    if not fits or not (images.min() >= 0 and images.max() <= 1):
        raise TeacherError(
            f"--images={path} holds {images.dtype} {list(images.shape)}, wanted {wanted}."
        )
    return images


def _zoo_table():
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, title_justify="left")
    for column in ("name", "architecture", "data", "trained against", "clean / AutoAttack, %"):
        table.add_column(column, no_wrap=True)
    table.add_column("paper", no_wrap=True)
    table.add_column("published at", no_wrap=True)
    for entry in ZOO.values():
        first_author = entry.paper.authors.split(",")[0]
        table.add_row(
            entry.name,
            entry.architecture,
            entry.dataset,
            entry.threat,
            _claims(entry),
            f"{first_author} et al. {entry.paper.year}, {entry.paper.link}",
            entry.published + (f" ({entry.file})" if entry.file else ""),
        )
    table.caption = "accuracies as RobustBench lists them, not measured here; -: no figure known"
    table.caption_justify = "left"
    return table


def _claims(entry):
    return " / ".join(
        "-" if value is None else f"{value:.2f}" for value in (entry.clean, entry.robust)
    )


def _described(normalization):
    if normalization is None:
        return "takes images in [0, 1] as they are"
    clamps = ", after limiting them to [0, 1]" if normalization.clamps else ""
    return f"normalises images by {normalization}{clamps}"
