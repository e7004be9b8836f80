"""Reads network weights and input normalisation from a PyTorch checkpoint, without running it.

A checkpoint is a pickle, and a pickle is a program. Only its tensors and plain containers are read
(`torch.load(weights_only=True)`); anything else in it is refused. Keys that wrappers add around the
network are recognised: DataParallel, torch.compile, nn.Sequential(normalisation, network),
RobustBench's `normalize`, MadryLab's `robustness` (normalizer, model, attacker).
"""

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import torch

from rnascl_tf.errors import first_line
from teachers.errors import TeacherError
from teachers.pytorch.zoo_entry import InputNormalization

PREFIXES = ("module.", "_orig_mod.", "model.", "0.", "1.")
"""What wrappers put before every key of a network; stripped for as long as all keys begin with one."""

UNUSED = ("attacker.", "sub_block1.")
"""Keys that no network here needs: `robustness` stores its model a second time, and TRADES' wide
networks (Zhang 2019, Carmon 2019) store a group of blocks that they never run."""

_NORMALIZER = re.compile(r"(?:(?:normali[sz]er?|normali[sz]ation|0)\.)?(\w+)")
_MEANS, _STDS = ("new_mean", "mean", "mu"), ("new_std", "std", "sigma")
_CLAMPING = "new_mean"  # robustness' InputNormalize clips its input to [0, 1] before it normalises

_NEEDS_MORE = re.compile(
    r"GLOBAL (\S+)|[Uu]nsupported class (\S+)|reduce for unrecognized function (.+)"
    r"|create new object for .* got (.+)|only build Tensor.* got (.+)"
)

_ROUNDING = 5e-5
"""Published means and standard deviations have four decimals."""


@dataclass(frozen=True)
class CheckpointState:
    """What a checkpoint says about a network.

    Attributes:
        source: what to call the checkpoint in messages.
        weights: the network's tensors by its own keys.
        normalization: stored with them, or None.
        left_out: keys that were recognised and dropped, as the file has them.
    """

    source: str
    weights: dict[str, torch.Tensor]
    normalization: InputNormalization | None
    left_out: tuple[str, ...]


def read_checkpoint(path: str | Path, state_key: str | None = None) -> CheckpointState:
    """Reads a checkpoint.

    Args:
        path: a file written by `torch.save`: a state dict, or a dictionary that holds one.
        state_key: key of the state dict to take if the file holds several. It may be missing
            otherwise, because checkpoints are republished in other layouts.

    Raises:
        TeacherError: the file is missing, damaged, needs more than tensors to load, or holds no state
            dict or several.
    """
    path = Path(path)
    weights = _state_dict(path, _load(path), state_key)
    stored: dict[str, torch.Tensor] = {}
    left_out: list[str] = []
    prefix = ""
    while True:
        for key in list(weights):
            found = _NORMALIZER.fullmatch(key)
            if found and found[1] in _MEANS + _STDS:
                stored[found[1]] = weights.pop(key)
            elif key.startswith(UNUSED):
                left_out.append(prefix + key)
                del weights[key]
        common = next(
            (p for p in PREFIXES if weights and all(k.startswith(p) for k in weights)), ""
        )
        if not common:
            break
        prefix += common
        weights = {key.removeprefix(common): value for key, value in weights.items()}
    return CheckpointState(str(path), weights, _normalization(path, stored), tuple(left_out))


def _load(path: Path) -> object:
    if not path.is_file():
        raise TeacherError(f"{path} is not a file; give the path of a PyTorch checkpoint.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # about pickle protocols; the error below says it better
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TeacherError(f"{path} cannot be read ({error.strerror or error}).") from error
    except Exception as error:  # a damaged file fails in the unpickler, zipfile or any storage
        more = _NEEDS_MORE.search(str(error))
        if more:
            name = next(group for group in more.groups() if group)
            raise TeacherError(
                f"{path} needs {name.rstrip('.')} to load, more than tensors: loading it would run "
                "code that the file chooses; get the plain weights from their authors, or, if you "
                "trust them, load it in a program of your own and torch.save only its state dict."
            ) from error
        raise TeacherError(
            f"{path} is not a PyTorch checkpoint, or is damaged ({_reason(error)}); "
            "download it again."
        ) from error


def _reason(error: Exception) -> str:
    """Returns the unpickler's own message, which comes after two paragraphs of advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    own = [line for line in lines if "Weights only load failed" not in line]
    own = [line for line in own if not line.startswith(("Please file", "Check the"))]
    return first_line(ValueError(own[0] if own else first_line(error)), limit=120)


def _is_state_dict(value: object) -> TypeGuard[Mapping[str, torch.Tensor]]:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items())
    )


def _state_dict(path: Path, content: object, state_key: str | None) -> dict[str, torch.Tensor]:
    if _is_state_dict(content):
        return dict(content)
    entries = content if isinstance(content, Mapping) else {}
    held = {str(key): value for key, value in entries.items() if _is_state_dict(value)}
    if state_key in held:
        return dict(held[state_key])
    if not held:
        raise TeacherError(
            f"{path} holds no state dict, a dictionary of tensors by name, but "
            f"{_listed([str(key) for key in entries]) or type(content).__name__}; "
            "give a file with torch.save(network.state_dict(), ...) in it."
        )
    if len(held) > 1:
        raise TeacherError(
            f"{path} holds several state dicts: {_listed(list(held))}; "
            "say which one with --state_key."
        )
    return dict(next(iter(held.values())))


def _normalization(path: Path, stored: Mapping[str, torch.Tensor]) -> InputNormalization | None:
    """Returns the normalisation found in the file, or None if it stores none."""
    means = [stored[name] for name in _MEANS if name in stored]
    stds = [stored[name] for name in _STDS if name in stored]
    if not stored:
        return None
    if len(means) != 1 or len(stds) != 1 or means[0].shape != stds[0].shape:
        raise TeacherError(
            f"{path} stores the input normalisation as {', '.join(sorted(stored))}, wanted one mean "
            "and one standard deviation of the same shape; give a checkpoint of the network alone "
            "and --mean and --std."
        )
    mean, std = (tuple(t.flatten().double().tolist()) for t in (means[0], stds[0]))
    finite = all(math.isfinite(value) for value in mean + std)
    if len(mean) not in (1, 3) or not finite or min(std) <= 0.0:
        raise TeacherError(
            f"{path} stores the mean {mean} and standard deviation {std}, wanted one or three finite "
            "numbers each, standard deviations above 0; download it again, or give a checkpoint of the "
            "network alone and --mean and --std."
        )
    return InputNormalization(mean, std, _CLAMPING in stored)


def agreed_normalization(
    state: CheckpointState, wanted: InputNormalization | None, *, is_known: bool
) -> InputNormalization | None:
    """Returns the normalisation that a checkpoint and the caller agree on.

    Args:
        state: a checkpoint as read.
        wanted: what the zoo or the user says; None for no normalisation.
        is_known: whether the zoo or the user says anything; if not, the checkpoint decides.

    Raises:
        TeacherError: both say something, and it differs.
    """
    stored = state.normalization
    if stored is None or not is_known:
        return stored if wanted is None else wanted
    # A stored mean 0 and standard deviation 1 mean no normalisation.
    plain = InputNormalization((0.0,) * len(stored.mean), (1.0,) * len(stored.std))
    said = wanted or plain
    if len(said.mean) != len(stored.mean) or any(
        abs(first - second) > _ROUNDING
        for first, second in zip(said.mean + said.std, stored.mean + stored.std, strict=True)
    ):
        raise TeacherError(
            f"{state.source} normalises by {stored}, wanted {wanted or 'no normalisation'}; "
            "it is another checkpoint, or other --mean and --std are right."
        )
    return stored


def load_weights(network: torch.nn.Module, state: CheckpointState, architecture: str) -> None:
    """Copies a checkpoint's weights into a network after checking every key, shape and number.

    Args:
        network: receives the weights.
        state: a checkpoint as read.
        architecture: what to call the network in messages.

    Raises:
        TeacherError: keys are missing, unexpected or of another shape (they are counted, and the first
            few of each are named), or a weight is not finite.
    """
    wanted, found = network.state_dict(), state.weights
    # Counts of batch norm's training steps: old files lack them, and evaluation never reads them.
    missing = [
        key for key in wanted if key not in found and not key.endswith(".num_batches_tracked")
    ]
    unexpected = [key for key in found if key not in wanted]
    misshapen = [
        f"{key} {list(found[key].shape)} instead of {list(wanted[key].shape)}"
        for key in wanted
        if key in found and found[key].shape != wanted[key].shape
    ]
    complaints = [
        f"{len(keys)} {kind} ({_listed(keys)})"
        for kind, keys in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", misshapen),
        )
        if keys
    ]
    if complaints:
        raise TeacherError(
            f"{state.source} does not fit {architecture}: keys {', '.join(complaints)}; choose the "
            "architecture and number of classes that it was trained with."
        )
    unreadable = [
        f"{key} ({value.dtype}, {value.layout})"
        for key, value in found.items()
        if value.layout != torch.strided or value.is_quantized
    ]
    if unreadable:
        raise TeacherError(
            f"{state.source} has weights that are not plain numbers ({_listed(unreadable)}); "
            "save them dense and dequantised."
        )
    broken = [key for key, value in found.items() if not torch.isfinite(value).all()]
    if broken:
        raise TeacherError(
            f"{state.source} has weights that are not finite ({_listed(broken)}); "
            "download it again."
        )
    network.load_state_dict(found, strict=False)


def _listed(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
