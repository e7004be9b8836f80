"""TFLite files of a student's parts, each timed by itself for a latency table.

A part takes its input as an image and ends in a global average, like a whole student, so that it can be
timed like any other classifier. What the average and the call itself cost is timed with a file that
does nothing else, and subtracted.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from rnascl_tf.deploy.saved_model import export_saved_model
from rnascl_tf.deploy.tflite import convert
from rnascl_tf.layers import inverted_residual_block
from rnascl_tf.networks import BlockShape, SearchProblem, build_student, describe

MOMENTUM = 0.9
_CALIBRATION = 3
"""Random images for int8's ranges, on which the time does not depend."""


def block_file(shape: BlockShape, kind: str, activation: str) -> bytes:
    """Returns the TFLite file of one block, followed by a global average."""
    images = keras.Input((shape.height, shape.width, shape.input_filters))
    features, _ = inverted_residual_block(
        images,
        shape.filters,
        shape.stride,
        shape.expansion,
        "block",
        momentum=MOMENTUM,
        seed=1,
        activation=activation,
    )
    return _file(keras.Model(images, _pooled(features)), kind)


def empty_file(height: int, width: int, channels: int, kind: str) -> bytes:
    """Returns the TFLite file of a global average alone."""
    images = keras.Input((height, width, channels))
    return _file(keras.Model(images, _pooled(images)), kind)


def student_file(
    filters: Sequence[Sequence[int]], problem: SearchProblem, kind: str, activation: str
) -> bytes:
    """Returns the TFLite file of an untrained student."""
    return _file(_student(filters, problem, activation), kind)


def stem_file(problem: SearchProblem, kind: str, activation: str) -> bytes:
    """Returns the TFLite file of everything before the first block, and a global average."""
    student = _student(problem.space.narrowest, problem, activation)
    features = student.get_layer("stem_act").output
    return _file(keras.Model(student.inputs[0], _pooled(features)), kind)


def tail_file(filters: int, problem: SearchProblem, kind: str, activation: str) -> bytes:
    """Returns the TFLite file of everything after the last block, for its number of filters."""
    space = problem.space
    widths = [list(stage) for stage in space.narrowest]
    widths[-1][-1] = filters
    student = _student(widths, problem, activation)
    last = f"stage{len(space.stages)}_block{space.stages[-1].depth}"
    names = [layer.name for layer in student.layers]
    # The addition if there is a shortcut, else the last batch norm.
    end = f"{last}_add" if f"{last}_add" in names else f"{last}_project_bn"
    features = student.get_layer(end).output
    images = keras.Input(features.shape[1:])
    tail = keras.Model(features, student.outputs[0])
    return _file(keras.Model(images, tail(images)), kind)


def _student(
    filters: Sequence[Sequence[int]], problem: SearchProblem, activation: str
) -> keras.Model:
    return build_student(describe(problem, filters, [], seed=0, activation=activation))


def _pooled(features: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.GlobalAveragePooling2D()(features)


def _file(model: keras.Model, kind: str) -> bytes:
    pixels = np.random.default_rng(0).random((_CALIBRATION, *model.input_shape[1:]), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        directory = export_saved_model(model, Path(folder, "saved_model"))
        return convert(directory, kind, pixels)
