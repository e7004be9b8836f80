"""RNAS-CL on TensorFlow: robust architecture search with cross-layer distillation (arXiv 2301.08092).

Importing the package registers its layers with Keras, so that `keras.models.load_model` reads its
models: at once if Keras is imported already, else when it is. TensorFlow is not imported before it is
used, so that commands answer wrong input at once.
"""

import importlib
from types import ModuleType

import wrapt

from rnascl_tf.runtime import environment

__version__ = "0.1.0"

environment.prepare()


@wrapt.when_imported("keras")
def _register_layers(_keras: ModuleType) -> None:
    importlib.import_module("rnascl_tf.layers")
    importlib.import_module("teachers.layers")
