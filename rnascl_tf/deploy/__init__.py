"""From a Keras classifier to files for the edge: SavedModel and TFLite, compared and timed."""

from rnascl_tf.deploy.agreement import Agreement, agreement
from rnascl_tf.deploy.errors import DeployError
from rnascl_tf.deploy.interpreter import TFLiteClassifier
from rnascl_tf.deploy.latency import Latency, measure_latency
from rnascl_tf.deploy.saved_model import export_saved_model
from rnascl_tf.deploy.tflite import KINDS, convert

__all__ = [
    "KINDS",
    "Agreement",
    "DeployError",
    "Latency",
    "TFLiteClassifier",
    "agreement",
    "convert",
    "export_saved_model",
    "measure_latency",
]
