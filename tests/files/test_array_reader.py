"""Archives of unknown origin: their arrays or a one-line error; no code runs, little memory is used."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnascl_tf.files import ArrayFileError, array_reader, read_arrays

ARRAYS = {
    "margin": np.linspace(-1, 1, 23, dtype=np.float32).reshape(1, 23),
    "names": np.array(["pgd20", "apgd-ce"]),
    "count": np.array(7),
    "standing": np.arange(11) % 3 == 0,
}


def archive(**arrays):
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


WHOLE = archive(**ARRAYS)


def test_the_arrays_come_back(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(WHOLE)
    found = read_arrays(path)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


@settings(max_examples=400)
@given(
    position=st.integers(0, len(WHOLE) - 1),
    bit=st.integers(0, 7),
    cut=st.booleans(),
)
def test_a_damaged_archive_is_itself_or_one_error(position, bit, cut, tmp_path_factory):
    content = bytearray(WHOLE[:position] if cut else WHOLE)
    if not cut:
        content[position] ^= 1 << bit
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(content)
    try:
        found = read_arrays(path)
    except ArrayFileError:
        return
    # A flip in a date or a name goes unseen; one in the numbers does not.
    for array, value in zip(ARRAYS.values(), found.values(), strict=True):
        np.testing.assert_array_equal(value, array)


def test_no_flipped_bit_loses_an_array(tmp_path):
    """Every bit of the directory: a damaged length may swallow the entries after it."""
    path = tmp_path / "damaged.npz"
    directory = WHOLE.index(b"PK\x01\x02")
    for position in range(directory, len(WHOLE)):
        for bit in range(8):
            content = bytearray(WHOLE)
            content[position] ^= 1 << bit
            path.write_bytes(content)
            try:
                found = read_arrays(path)
            except ArrayFileError:
                continue
            assert len(found) == len(ARRAYS), f"byte {position}, bit {bit}"


def with_header(shape, content=b""):
    header = io.BytesIO()
    described = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("a.npy", header.getvalue() + content)
    return file.getvalue()


@pytest.mark.parametrize("shape", [(10**12,), (2**40, 2**40), (-1,)])
def test_an_array_that_is_not_there_takes_no_memory(tmp_path, shape):
    path = tmp_path / "a.npz"
    path.write_bytes(with_header(shape))
    with pytest.raises(ArrayFileError, match="not the array that its header promises"):
        read_arrays(path)
    path.write_bytes(with_header((3,), np.float32([1, 2, 3]).tobytes()))
    assert read_arrays(path)["a"].tolist() == [1, 2, 3]


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    path.write_bytes(archive(a=np.zeros(10**6)))
    monkeypatch.setattr(array_reader, "LARGEST_BYTES", 10**6)
    with pytest.raises(ArrayFileError, match=r"unpacks to 8,000,\d+ bytes, at most 1,000,000"):
        read_arrays(path)


def test_python_objects_and_devices_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(ArrayFileError):
        read_arrays(path)
    with pytest.raises(ArrayFileError, match="not a regular file"):
        read_arrays(Path("/dev/zero"))
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "none.npz")
