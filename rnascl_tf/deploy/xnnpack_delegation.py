"""Which operators of a TFLite file the XNNPACK delegate runs, and into how many pieces it cuts them.

A delegate takes over connected parts of a graph. Between two of them the interpreter runs its own,
slower kernels, and copies and repacks the features on the way: a graph in twenty pieces is a slow one
although most of its operators are delegated.
"""

import collections
import dataclasses

from ai_edge_litert.interpreter import Interpreter

from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier

_DELEGATE = "DELEGATE"


@dataclasses.dataclass(frozen=True)
class Delegation:
    """What runs where.

    Attributes:
        operators: {operator: how many} of the whole graph, the most frequent first.
        not_delegated: {operator: how many} that the interpreter's own kernels run.
        pieces: parts of the graph that are delegated, 0 if none is.
    """

    operators: dict[str, int]
    not_delegated: dict[str, int]
    pieces: int

    @property
    def advice(self):
        """What to do about a cut graph, one sentence, or None where nothing is to be done."""
        if self.pieces <= 1 and not self.not_delegated:
            return None
        if "HARD_SWISH" in self.not_delegated:
            return (
                "HARD_SWISH in int8 is not delegated to XNNPACK and cuts the graph (S3 becomes 5 to 8 "
                "times slower by it): search and train with --config.search.activation=relu6, or take "
                "the float16 file."
            )
        names = ", ".join(self.not_delegated) or "none"
        return f"the graph is cut around operators that XNNPACK does not take ({names})."


def delegation(tflite_bytes):
    """Returns the `Delegation` of a TFLite classifier on this machine's CPU.

    Args:
        tflite_bytes: the file's content.

    Raises:
        DeployError: it is no TFLite classifier.
    """
    TFLiteClassifier(tflite_bytes)  # refuses what is none, with the reason
    interpreter = Interpreter(model_content=tflite_bytes, num_threads=1)
    interpreter.allocate_tensors()
    try:
        # The only way to see them; the public interface shows tensors alone.
        nodes = interpreter._get_ops_details()
    except AttributeError as error:
        raise DeployError(
            "this version of ai-edge-litert does not tell its operators: install the pinned one."
        ) from error
    operators = [node for node in nodes if node["op_name"] != _DELEGATE]
    delegates = [node for node in nodes if node["op_name"] == _DELEGATE]
    producers = {int(output): node for node in operators for output in node["outputs"]}
    taken = set()
    for delegate in delegates:
        taken |= _inside(delegate, producers)
    left = [node for node in operators if node["index"] not in taken]
    return Delegation(_counted(operators), _counted(left), len(delegates))


def _inside(delegate, producers):
    """Indices of the operators between a delegate's inputs and its outputs."""
    inputs = {int(tensor) for tensor in delegate["inputs"]}
    open_ends = [int(tensor) for tensor in delegate["outputs"]]
    found = set()
    while open_ends:
        tensor = open_ends.pop()
        node = producers.get(tensor)
        if node is None or tensor in inputs or node["index"] in found:
            continue
        found.add(node["index"])
        open_ends.extend(int(source) for source in node["inputs"])
    return found


def _counted(nodes):
    return dict(collections.Counter(node["op_name"] for node in nodes).most_common())
