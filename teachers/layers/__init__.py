"""Keras layers that only converted and native teachers need; they save and reload."""

from teachers.layers import constant_layers, moving_layers

__all__ = ["constant_layers", "moving_layers"]
