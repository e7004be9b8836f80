"""What a converter raises for a node whose operator it knows in other forms only."""


class UnsupportedNodeError(Exception):
    """An operator is known but not in the form that a node uses; the message says which form."""
