"""A command that passes arguments on to the main command: `rnascl COMMAND FLAGS -- ARGUMENTS`."""

from collections.abc import Mapping, Sequence
from typing import Any

from rnascl_tf.command_line.command_flags import CommandFlags, FlagError


class ForwardingFlags(CommandFlags):
    """Flags of a command that needs arguments of the main command after `--`.

    Args:
        usage: what `--help` prints above the flags.
        fixed: {flag of the main command: value} that this command gives itself.
    """

    def __init__(self, usage: str, fixed: Mapping[str, str]) -> None:
        super().__init__(usage)
        self.forwarded: list[str] = []
        """The main command's arguments, after `parse`."""
        self._fixed = fixed

    def parse(self, arguments: Sequence[str]) -> Any | None:
        """Parses what comes before `--` as `CommandFlags.parse`, and keeps what comes after it.

        Raises:
            FlagError: as there, nothing comes after `--`, or it sets a fixed flag.
        """
        position = list(arguments).index("--") if "--" in arguments else len(arguments)
        try:
            parsed = super().parse(arguments[:position])
        except FlagError as error:
            raise FlagError(f"{error} The main command's arguments go after `--`.") from error
        if parsed is None:
            return None
        self.forwarded = list(arguments[position + 1 :])
        if not self.forwarded:
            raise FlagError("the main command's arguments are missing: give them after `--`.")
        names = {argument.lstrip("-").partition("=")[0] for argument in self.forwarded}
        for name, value in self._fixed.items():
            if name in names:
                raise FlagError(f"--{name} is {value} here: leave it out.")
        return parsed
