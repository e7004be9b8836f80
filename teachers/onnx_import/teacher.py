"""Makes a `Teacher` from an ONNX file."""

from collections.abc import Sequence
from pathlib import Path

from absl import logging

from rnascl_tf.errors import first_line
from rnascl_tf.layers.pixel_normalization import PixelNormalization
from teachers.errors import TeacherError
from teachers.expectations import agreed_image_shape, require_classes
from teachers.onnx_import.convert import convert
from teachers.onnx_import.graph import OnnxGraph, read_onnx
from teachers.onnx_import.reference import OnnxReference
from teachers.taps.choice import choose_taps
from teachers.teacher import Teacher


def load_onnx(
    path: str | Path,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    *,
    attention_size: int = 14,
    taps: str = "main",
    num_classes: int | None = None,
    input_shape: Sequence[int] | None = None,
) -> Teacher:
    """Loads an ONNX image classifier; call `verify` on real images before trusting it.

    Args:
        path: the .onnx file.
        mean: one number per channel in [0, 1] pixel units if the file takes normalised images; None
            if it normalises them itself.
        std: likewise, positive.
        attention_size: side of the square grid of the attention maps.
        taps: "main" for every convolution but projection shortcuts, "all", or a regular expression
            that is searched for in convolution names.
        num_classes: refuse a file with another number of classes.
        input_shape: (height, width, channels); refuse a file of another input size. Needed if
            the file leaves the size free.

    Raises:
        TeacherError: the file cannot be used; the message is one line.
    """
    path = Path(path)
    graph = read_onnx(path)
    image_shape = agreed_image_shape(path, graph.input_shape, input_shape)
    normalization = _normalization(path, mean, std, channels=image_shape[2])
    if normalization is not None:
        _warn_of_a_second_normalization(path, graph)
    network = convert(str(path), graph, image_shape, normalization)
    require_classes(path, network.logits.shape[1], num_classes)
    chosen = choose_taps(tuple(network.convolutions), network.shortcuts, taps)
    tensor_names = {name: network.tensor_names[name] for name in ("logits", *chosen)}
    return Teacher(
        network.images,
        network.logits,
        {name: network.convolutions[name] for name in chosen},
        name=path.stem,
        sha256=graph.sha256,
        reference=OnnxReference(path, graph, tensor_names, normalization, network.softmax),
        attention_size=attention_size,
    )


def _normalization(
    path: Path, mean: Sequence[float] | None, std: Sequence[float] | None, channels: int
) -> PixelNormalization | None:
    """Returns the layer to put before the file's network, or None."""
    if mean is None and std is None:
        return None
    if mean is None or std is None:
        raise TeacherError(f"got mean {mean} and std {std} for {path}; give both or neither.")
    if max(map(abs, (*mean, *std)), default=0) > 1:
        raise TeacherError(
            f"mean {list(mean)} and std {list(std)} for {path} are for pixels in [0, 255]; "
            "divide them by 255, because images are in [0, 1] here."
        )
    try:
        normalization = PixelNormalization(mean, std, name="normalization", dtype="float32")
        normalization.build((None, None, None, channels))
    except ValueError as error:
        raise TeacherError(f"{path} cannot be normalised: {first_line(error)}") from error
    return normalization


def _warn_of_a_second_normalization(path: Path, graph: OnnxGraph) -> None:
    """Warns if the graph begins by shifting or scaling its input by stored numbers."""
    for node in graph.nodes:
        stored = [name for name in node.inputs if graph.has_constant(name)]
        if graph.input_name in node.inputs and node.operator in ("Sub", "Div", "Add", "Mul"):
            logging.warning(
                "%s begins with %s%s: it seems to normalise its input itself, and mean and std are "
                "applied before that; leave them out unless its author says otherwise.",
                path,
                node,
                f" by {stored[0]!r}" if stored else "",
            )
