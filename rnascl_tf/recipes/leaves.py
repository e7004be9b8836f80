"""One walk over a config, for all who compare, check or print its values."""

from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict


def config_leaves(
    config: ConfigDict | Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yields (key, value) of every value that is not a section, in order.

    Args:
        config: a config or a part of it, also as a dict that was read from JSON.
        prefix: what each key begins with.

    Yields:
        The key with dots, "search.gamma", as it is given on the command line; and its value.
    """
    for name, value in config.items():
        if isinstance(value, ConfigDict | Mapping):
            yield from config_leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def config_value(config: ConfigDict, key: str) -> Any:
    """Returns the value of a key with dots."""
    value = config
    for part in key.split("."):
        value = value[part]
    return value
