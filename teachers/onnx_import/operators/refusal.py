"""What a converter raises for a node in a form that it does not support."""


class UnsupportedNodeError(Exception):
    """A node's operator is known, but not in this form; the message says which form that is."""
