"""300 damaged files: each is refused in one line or imported rightly, in a process that survives."""

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

FOLDER = Path(__file__).parent / "onnx_files"
SOURCES = [
    *("pool_view_legacy9", "pad_axes_legacy17_fixed", "zeros_view_legacy13"),
    *("logsoftmax_dynamo18", "gate_flatten_dynamo20"),
]
FILES = 300
LIMIT_SECONDS = 10
MOST_KIB = 1_500_000  # TensorFlow alone takes half of it; a mutated size must not take gigabytes
NUMBERS = (-(2**63), -(2**31), -3, -1, 0, 1, 2, 5, 97, 10**6, 2**31, 2**40, 2**62)


def truncated(content, source):
    return content[: source.randrange(len(content))]


def flipped(content, source):
    damaged = bytearray(content)
    for _ in range(source.randint(1, 3)):
        damaged[source.randrange(len(damaged))] ^= 1 << source.randrange(8)
    return bytes(damaged)


def garbled(content, source):
    damaged = bytearray(content)
    start, length = source.randrange(len(damaged)), source.randint(1, 40)
    damaged[start : start + length] = source.randbytes(length)
    return bytes(damaged)


def number(source):
    return source.choice(NUMBERS)


def change_dimension(model, source):
    tensor = source.choice(model.graph.initializer)
    if tensor.dims:
        tensor.dims[source.randrange(len(tensor.dims))] = number(source)


def change_attribute(model, source):
    attributes = [a for node in model.graph.node for a in node.attribute]
    attribute = source.choice([a for a in attributes if a.ints or a.HasField("i")])
    if attribute.ints:
        attribute.ints[source.randrange(len(attribute.ints))] = number(source)
    else:
        attribute.i = number(source)


def change_stored_numbers(model, source):
    """Shapes, axes and pads that are stored as weights."""
    kinds = (onnx.TensorProto.INT64, onnx.TensorProto.INT32)
    constants = [a.t for node in model.graph.node for a in node.attribute if a.HasField("t")]
    tensors = [t for t in (*model.graph.initializer, *constants) if t.data_type in kinds]
    if tensors:
        tensor = source.choice(tensors)
        array = onnx.numpy_helper.to_array(tensor).copy()
        if array.size:
            value = number(source)
            array.flat[source.randrange(array.size)] = max(-(2**31), min(value, 2**31 - 1))
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))


def change_operator(model, source):
    operators = ("Relu", "Conv", "Reshape", "Concat", "Gather", "Softmax", "Expand", "If", "Pad")
    source.choice(model.graph.node).op_type = source.choice(operators)


def change_inputs(model, source):
    node = source.choice(model.graph.node)
    names = [name for other in model.graph.node for name in (*other.input, *other.output)]
    if node.input:
        node.input[source.randrange(len(node.input))] = source.choice([*names, ""])


def drop_node(model, source):
    del model.graph.node[source.randrange(len(model.graph.node))]


def change_type(model, source):
    source.choice(model.graph.initializer).data_type = source.randrange(28)


def change_image(model, source):
    dimension = source.choice(model.graph.input[0].type.tensor_type.shape.dim)
    dimension.dim_value = number(source)


def change_version(model, source):
    model.opset_import[0].version = number(source)


def change_location(model, source):
    tensor = source.choice(model.graph.initializer)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    del tensor.external_data[:]
    locations = ("../secret.data", "/etc/hostname", "", ".", "missing", "link.data", "a\\..\\..\\s")
    tensor.external_data.add(key="location", value=source.choice(locations))
    for key in ("offset", "length"):
        tensor.external_data.add(key=key, value=str(number(source)))


FIELDS = (
    *(change_dimension, change_attribute, change_stored_numbers, change_operator, change_inputs),
    *(drop_node, change_type, change_image, change_version, change_location),
)


def mutated(content, source):
    model = onnx.ModelProto.FromString(content)
    for _ in range(source.randint(1, 2)):
        source.choice(FIELDS)(model, source)
    return model.SerializeToString()


@pytest.fixture
def damaged_files(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    # A pipe that nobody writes to: whoever opens it, C++ code too, waits until the limit.
    os.mkfifo(tmp_path / "secret.data")
    (folder / "link.data").symlink_to(tmp_path / "secret.data")
    for file in FOLDER.glob("*.data"):
        shutil.copy(file, folder)
    source = random.Random(20240717)
    damages = [truncated, flipped, garbled, mutated, mutated, mutated]
    paths = []
    for index in range(FILES):
        name = SOURCES[index % len(SOURCES)]
        damage = damages[index % len(damages)]
        path = folder / f"{index}_{name}_{damage.__name__}.onnx"
        path.write_bytes(damage((FOLDER / f"{name}.onnx").read_bytes(), source))
        paths.append(path)
    return paths


def test_damaged_files_are_refused_or_imported_rightly(damaged_files):
    worker = Path(__file__).parent / "malformed_onnx_worker.py"
    done = subprocess.run(
        [sys.executable, str(worker), str(LIMIT_SECONDS)],
        input="\n".join(map(str, damaged_files)),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        env={"PYTHONPATH": ".", "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": "/usr/bin:/bin"},
    )
    *lines, peak = done.stdout.splitlines() or [""]
    assert done.returncode == 0, f"in {peak}: {done.stderr[-3000:]}"
    assert int(peak) < MOST_KIB
    assert len(lines) == FILES
    outcomes = [line.split(" ", 1)[1] for line in lines]
    assert all(re.fullmatch(r"right|refused ['\"].*", outcome) for outcome in outcomes)
    # Both must happen, or the damage is too coarse or too fine to tell anything.
    assert 20 < outcomes.count("right") < FILES - 100
    messages = [outcome for outcome in outcomes if outcome != "right"]
    assert not [message for message in messages if r"\n" in message]
    assert not [message for message in messages if "secret" in message and "wanted" not in message]
