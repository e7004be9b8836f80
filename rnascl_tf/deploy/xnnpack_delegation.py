"""Which operators of a TFLite file the XNNPACK delegate runs, and in how many pieces.

A delegate runs connected parts of a graph. Between them the interpreter runs its own, slower kernels,
and must copy and repack the features. A graph in twenty pieces is therefore slow, even if most of its
operators are delegated.
"""

import collections
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier
from rnascl_tf.deploy.lite_runtime import create_interpreter

_DELEGATE = "DELEGATE"


@dataclasses.dataclass(frozen=True)
class Delegation:
    """Which operators are delegated.

    Attributes:
        operators: {operator: count} of the whole graph, the most frequent first.
        not_delegated: {operator: count} of those that the interpreter's own kernels run.
        pieces: number of delegated parts of the graph.
    """

    operators: dict[str, int]
    not_delegated: dict[str, int]
    pieces: int

    @property
    def advice(self) -> str | None:
        """How to fix a graph in several pieces, in one sentence; None if it is in one."""
        if self.pieces <= 1 and not self.not_delegated:
            return None
        if "HARD_SWISH" in self.not_delegated:
            return (
                "HARD_SWISH in int8 is not delegated to XNNPACK and cuts the graph into pieces (which "
                "makes S3 5 to 8 times slower): search and train with "
                "--config.search.activation=relu6, or use the float16 file."
            )
        names = ", ".join(self.not_delegated) or "none"
        return f"operators that XNNPACK does not run cut the graph into pieces ({names})."


def delegation(tflite_bytes: bytes) -> Delegation:
    """Returns what is delegated of a TFLite classifier on this machine's CPU.

    Args:
        tflite_bytes: the file's content.

    Raises:
        DeployError: the bytes are not a TFLite classifier.
    """
    TFLiteClassifier(tflite_bytes)  # refuses other files, with the reason
    interpreter = create_interpreter(tflite_bytes, num_threads=1)
    try:
        # The public interface shows only tensors, not operators.
        nodes = interpreter._get_ops_details()
    except AttributeError as error:
        raise DeployError(
            "this version of ai-edge-litert does not list operators: install the version in "
            "requirements.txt."
        ) from error
    operators = [node for node in nodes if node["op_name"] != _DELEGATE]
    delegates = [node for node in nodes if node["op_name"] == _DELEGATE]
    producers = {int(output): node for node in operators for output in node["outputs"]}
    taken: set[int] = set()
    for delegate in delegates:
        taken |= _inside(delegate, producers)
    left = [node for node in operators if node["index"] not in taken]
    return Delegation(_counted(operators), _counted(left), len(delegates))


def _inside(delegate: Mapping[str, Any], producers: Mapping[int, Mapping[str, Any]]) -> set[int]:
    """Indices of the operators between a delegate's inputs and its outputs."""
    inputs = {int(tensor) for tensor in delegate["inputs"]}
    open_ends = [int(tensor) for tensor in delegate["outputs"]]
    found: set[int] = set()
    while open_ends:
        tensor = open_ends.pop()
        node = producers.get(tensor)
        if node is None or tensor in inputs or node["index"] in found:
            continue
        found.add(node["index"])
        open_ends.extend(int(source) for source in node["inputs"])
    return found


def _counted(nodes: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    return dict(collections.Counter(node["op_name"] for node in nodes).most_common())
