"""Reads an ONNX file and its external weights, distrusting every byte of them.

No more is allocated than the files hold, and nothing outside the file's own folder is read: weights
stored as external data may only name a plain file in that folder or below it.
"""

import hashlib
from pathlib import Path, PureWindowsPath

import onnx
from google.protobuf.message import DecodeError
from onnx import external_data_helper

from rnascl_tf.errors import first_line
from teachers.errors import TeacherError

MAXIMUM_BYTES = 2**31 - 1
"""Protobuf's own limit, for the file and its external weights together."""

_CHUNK = 2**20


def load_proto(path: str | Path) -> tuple[onnx.ModelProto, str]:
    """Parses an ONNX file and its external data; returns the model and its SHA-256 digest.

    Raises:
        TeacherError: the file or its external data cannot be read safely.
    """
    path = Path(path)
    if not path.is_file():
        raise TeacherError(f"{path} is not a file; give the path of an .onnx file.")
    size = path.stat().st_size
    if size > MAXIMUM_BYTES:
        raise TeacherError(f"{path} has {size} bytes, the limit of the ONNX format is 2 GiB.")
    try:
        content = path.read_bytes()
        digest = hashlib.sha256(content)
        proto = onnx.ModelProto.FromString(content)
        if not proto.HasField("graph"):
            raise DecodeError("it holds no graph")
        _load_external_data(path, proto, digest, size)
    except DecodeError as error:
        raise TeacherError(
            f"{path} is not an ONNX file, or is damaged ({first_line(error)}); "
            "export or download it again."
        ) from error
    except OSError as error:
        raise TeacherError(f"{path} cannot be read ({error.strerror}).") from error
    return proto, digest.hexdigest()


def self_contained_onnx(path: str | Path) -> bytes:
    """Returns a model as the bytes of one file, with its external weights moved inside.

    A file without external weights is returned byte for byte.

    Raises:
        TeacherError: as `load_proto`.
    """
    proto, digest = load_proto(path)
    content = Path(path).read_bytes()
    return content if hashlib.sha256(content).hexdigest() == digest else proto.SerializeToString()


def _load_external_data(
    path: Path, proto: onnx.ModelProto, digest: "hashlib._Hash", size_so_far: int
) -> None:
    """Moves external weights into the model and their files into the digest."""
    tensors = [*proto.graph.initializer]
    tensors += [a.t for node in proto.graph.node for a in node.attribute if a.HasField("t")]
    external = [t for t in tensors if t.data_location == onnx.TensorProto.EXTERNAL]
    files = set()
    total = size_so_far
    for tensor in external:
        try:
            entry = external_data_helper.ExternalDataInfo(tensor)
        except ValueError as error:
            raise _damaged(path, tensor, error) from error
        file = _external_file(path, tensor.name, entry.location)
        files.add(file)
        # Counted for each weight, because many small ones may each claim the whole of one file.
        total += entry.length or file.stat().st_size
    if total > MAXIMUM_BYTES:
        raise TeacherError(f"{path} and its weights have {total} bytes, the limit is 2 GiB.")
    for tensor in external:
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(path.parent))
        except (ValueError, onnx.checker.ValidationError) as error:
            raise _damaged(path, tensor, error) from error
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    for file in sorted(files):
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)


def _external_file(path: Path, tensor_name: str, location: str) -> Path:
    """Returns the file that a weight names, if it may be read."""
    folder = path.parent
    # Windows' rules cover both systems' separators and drives.
    named = PureWindowsPath(location)
    # The text is checked first: a path that leaves the folder never reaches the disk.
    is_inside = bool(
        named.parts and not named.anchor and ".." not in named.parts and "\0" not in location
    )
    file = folder / location
    if is_inside:
        below = [file, *file.parents][: len(Path(location).parts)]
        is_inside = not any(part.is_symlink() for part in below)
    if not is_inside:
        raise TeacherError(
            f"{path} keeps weight {tensor_name!r} in {location!r}, wanted a plain file in the "
            "model's own folder; export it again with its weights inside or beside it."
        )
    if not file.is_file():
        raise TeacherError(
            f"{path} keeps weight {tensor_name!r} in {location!r}, which is missing; "
            f"put that file into {folder}."
        )
    return file


def _damaged(path: Path, tensor: onnx.TensorProto, error: Exception) -> TeacherError:
    return TeacherError(
        f"{path} has a damaged weight {tensor.name!r} ({first_line(error)}); export it again."
    )
