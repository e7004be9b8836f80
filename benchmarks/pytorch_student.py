"""A student as a PyTorch module with a Keras student's weights, for what only PyTorch offers.

Built from the architecture (docs/design.md, "The student"), not from the Keras graph: if
the logits are equal, both are the network that the design describes.
"""

import os
import re
import warnings

# Read once, when PyTorch's threads are made. Threads that spin while they wait for each other lose a
# factor of ten as soon as another process, or TensorFlow, has one of the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

from rnascl_tf.layers import HardSwish
from rnascl_tf.layers.batch_normalization import EPSILON
from rnascl_tf.networks import SEARCH_SPACES
from rnascl_tf.networks.architecture import activation_of, problem_and_filters

# Without a GPU, PyTorch wonders why TensorFlow has asked for one before.
warnings.filterwarnings("ignore", message="CUDA initialization")

_ACTIVATIONS = {
    "hard_swish": torch.nn.functional.hardswish,
    "relu6": torch.nn.functional.relu6,
    "relu": torch.nn.functional.relu,
}
_PROJECTION = re.compile(r"stage(\d+)_block(\d+)_project_conv")


class PyTorchStudent(torch.nn.Module):
    """float32 images [n, 3, height, width] in [0, 1] -> logits [n, classes], in evaluation mode.

    Args:
        architecture: a mapping with `space`, `filters`, `num_classes` and `input_shape`, or an
            `Architecture`; the space is one of those for 32x32 images.

    Attributes:
        layers: `ModuleDict` of the layers with weights, under the Keras layers' names.

    Raises:
        ValueError: the space has a head, or the architecture is not valid.
    """

    def __init__(self, architecture):
        super().__init__()
        problem, filters = problem_and_filters(architecture)
        space = problem.space
        self.activation = _ACTIVATIONS[activation_of(architecture)]
        if space.head is not None:
            raise ValueError(
                f"space {space.name} has a head, which this module lacks; give a student for "
                "32x32 images, S3 to L."
            )
        self.blocks = space.blocks(filters)
        self.layers = torch.nn.ModuleDict()
        self._add_convolution("stem", 3, space.stem_filters, 3, stride=2)
        for block in self.blocks:
            hidden = block.expansion * block.input_filters
            self._add_convolution(f"{block.name}_expand", block.input_filters, hidden, 1)
            self._add_convolution(
                f"{block.name}_depthwise", hidden, hidden, 3, stride=block.stride, groups=hidden
            )
            self._add_convolution(f"{block.name}_project", hidden, block.filters, 1)
        self.layers["logits"] = torch.nn.Linear(self.blocks[-1].filters, problem.num_classes)
        for name in ("mean", "std"):
            self.register_buffer(name, torch.zeros(1, 3, 1, 1))
        self.eval()

    def forward(self, images):
        """Returns the logits."""
        features = self._convolved((images - self.mean) / self.std, "stem")
        for block in self.blocks:
            hidden = self._convolved(features, f"{block.name}_expand")
            hidden = self._convolved(hidden, f"{block.name}_depthwise")
            output = self._convolved(hidden, f"{block.name}_project", activation=False)
            features = features + output if block.residual else output
        return self.layers["logits"](features.mean(dim=(2, 3)))

    def _add_convolution(self, name, inputs, filters, kernel_size, stride=1, groups=1):
        self.layers[f"{name}_conv"] = torch.nn.Conv2d(
            inputs, filters, kernel_size, stride, padding=kernel_size // 2, groups=groups
        )
        self.layers[f"{name}_bn"] = torch.nn.BatchNorm2d(filters, eps=EPSILON)

    def _convolved(self, features, name, activation=True):
        features = self.layers[f"{name}_bn"](self.layers[f"{name}_conv"](features))
        return self.activation(features) if activation else features


def from_keras(model):
    """Returns the `PyTorchStudent` that computes what a Keras student computes.

    Args:
        model: a student of `build_student`, or one loaded from `student.keras`.

    Raises:
        ValueError: the model is not a student for 32x32 images, or layers do not match by name and
            shape.
    """
    student = PyTorchStudent(architecture_of(model))
    normalization = model.get_layer("normalization")
    state = {
        "mean": np.reshape(normalization.mean, (1, 3, 1, 1)),
        "std": np.reshape(normalization.std, (1, 3, 1, 1)),
    }
    for layer in model.layers:
        if layer.weights:
            for name, value in _torch_weights(layer).items():
                state[f"layers.{layer.name}.{name}"] = value
    try:
        student.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    except RuntimeError as error:
        raise ValueError(
            f"model {model.name!r} is not a student made by build_student: "
            f"{' '.join(str(error).split())}"
        ) from error
    return student


def architecture_of(model):
    """Reads the fields that rebuild a student from its model's and its layers' names.

    Args:
        model: a student of `build_student`, or one loaded from `student.keras`.

    Returns:
        {"space", "filters", "num_classes", "input_shape", "activation"}.

    Raises:
        ValueError: the names are not a student's.
    """
    spaces = {f"student_{name.lower()}": name for name in SEARCH_SPACES}
    if model.name not in spaces:
        raise ValueError(
            f"model {model.name!r} is not a student: give one made by build_student, "
            f"{', '.join(spaces)}."
        )
    filters = {}
    for layer in model.layers:
        match = _PROJECTION.fullmatch(layer.name)
        if match:
            filters.setdefault(int(match[1]), []).append(layer.filters)
    return {
        "space": spaces[model.name],
        "filters": list(filters.values()),
        "num_classes": model.output_shape[-1],
        "input_shape": list(model.input_shape[1:]),
        "activation": _activation(model.get_layer("stem_act")),
    }


def _activation(layer):
    if isinstance(layer, HardSwish):
        return "hard_swish"
    return "relu" if layer.max_value is None else "relu6"


def _torch_weights(layer):
    """A Keras layer's weights under PyTorch's names and in its order of axes."""
    arrays = {weight.name: weight.numpy() for weight in layer.weights}
    if "moving_mean" in arrays:
        return {
            "weight": arrays["gamma"],
            "bias": arrays["beta"],
            "running_mean": arrays["moving_mean"],
            "running_var": arrays["moving_variance"],
            "num_batches_tracked": np.int64(0),
        }
    kernel = arrays["kernel"]
    if kernel.ndim == 2:
        axes = (1, 0)
    elif layer.name.endswith("_depthwise_conv"):
        axes = (2, 3, 0, 1)  # from [height, width, channels, 1]
    else:
        axes = (3, 2, 0, 1)  # from [height, width, inputs, filters]
    return {"weight": kernel.transpose(axes).copy(), "bias": arrays["bias"]}
