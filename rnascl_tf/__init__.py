"""RNAS-CL on TensorFlow: robust architecture search with cross-layer distillation (arXiv 2301.08092).

Importing the package registers its layers, so that `keras.models.load_model` reads its models.
"""

from teachers import environment  # isort: skip  first of all: it must come before TensorFlow's import

from rnascl_tf import layers, networks

__version__ = "0.1.0"

__all__ = ["environment", "layers", "networks"]
