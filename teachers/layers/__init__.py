"""Keras layers that only converted and native teachers need.

Importing it registers the layers with Keras.
"""

from teachers.layers import constant_layers, moving_layers

__all__ = ["constant_layers", "moving_layers"]
