"""Which device a latency was measured on."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimedDevice:
    """A device on which TFLite files are timed.

    Attributes:
        kind: "local", this machine, or "adb", an Android device.
        serial: the Android device's serial number.
        cpu: name of the processor, or of the Android device's model.
        cores: of the CPU; None if the device does not report them.
        android: the Android device's version.
        runtime: what runs the files, with its version.
    """

    kind: Literal["local", "adb"]
    serial: str | None = None
    cpu: str
    cores: int | None
    android: str | None = None
    runtime: str

    @property
    def is_local(self) -> bool:
        """Whether it is this machine."""
        return self.kind == "local"

    def to_json(self) -> dict[str, Any]:
        """Returns the fields by name, of this machine without "serial" and "android"."""
        fields = dataclasses.asdict(self)
        if self.is_local:
            del fields["serial"], fields["android"]
        return fields

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TimedDevice":
        """Reads what `to_json` wrote.

        Raises:
            TypeError: a field is missing or unknown.
        """
        return cls(**values)
