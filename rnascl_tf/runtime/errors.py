"""What can go wrong with devices and workers, importable without TensorFlow."""

from rnascl_tf.errors import UserError


class WorkerLostError(RuntimeError):
    """Another worker no longer answers; the message is one line."""


class DevicesError(UserError):
    """A strategy is not possible with this machine or its TF_CONFIG; the message is one line."""
