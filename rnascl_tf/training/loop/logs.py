"""What Keras hands to its callbacks."""

from typing import Any

Logs = dict[str, Any] | None
"""{name: value so far}."""
