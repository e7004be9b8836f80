"""Finds the Softmax or LogSoftmax at the end of a classifier, which a teacher leaves out.

Attacks and distillation need logits: docs/design.md, "Contracts". Nodes after the softmax may only pass
the numbers on in their order.
"""

from teachers.onnx_import.graph import OnnxGraph, OnnxNode
from teachers.onnx_import.operators.layout import Features
from teachers.onnx_import.operators.refusal import UnsupportedNodeError

_PASSING = ("Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Cast")


def final_softmax(graph: OnnxGraph) -> OnnxNode | None:
    """Returns the Softmax or LogSoftmax at the graph's end, or None."""
    producers = {name: node for node in graph.nodes for name in node.outputs}
    node = producers.get(graph.output_name)
    while node is not None and node.operator in _PASSING and node.inputs:
        node = producers.get(node.inputs[0])
    is_softmax = node is not None and node.operator in ("Softmax", "LogSoftmax")
    return node if is_softmax else None


def check_over_classes(node: OnnxNode, logits: object) -> None:
    """Refuses a softmax over other axes than the classes, because without it the classes change.

    Args:
        node: the Softmax.
        logits: its input.

    Raises:
        UnsupportedNodeError: it is not taken over all numbers of an image.
    """
    if not isinstance(logits, Features):
        raise UnsupportedNodeError("it is not computed from the images")
    # Before opset 13 the given axis and all after it are taken together.
    axis = logits.onnx_axis(node.attributes.get("axis", 1 if node.opset < 13 else -1))
    axes = range(axis, len(logits.order)) if node.opset < 13 else [axis]
    rest = [size for other, size in enumerate(logits.shape) if other not in axes]
    if rest.count(None) != 1 or any(size not in (1, None) for size in rest):
        raise UnsupportedNodeError(
            f"axis {axis} of {logits.shape} are not the classes; leave it out of the export"
        )
