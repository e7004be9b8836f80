"""From a Keras classifier to files for the edge: SavedModel and TFLite, compared and timed."""

from rnascl_tf.deploy.agreement import Agreement, agreement
from rnascl_tf.deploy.delegation import Delegation, delegation
from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier
from rnascl_tf.deploy.quantization import quantization
from rnascl_tf.deploy.saved_model import export_saved_model
from rnascl_tf.deploy.tflite import KINDS, convert
from rnascl_tf.deploy.timing import Latency, Timing, measure_interleaved, measure_latency

__all__ = [
    "KINDS",
    "Agreement",
    "Delegation",
    "DeployError",
    "Latency",
    "TFLiteClassifier",
    "Timing",
    "agreement",
    "convert",
    "delegation",
    "export_saved_model",
    "measure_interleaved",
    "measure_latency",
    "quantization",
]
