"""The flags of one command: defined in one call each, parsed, and explained by `--help`.

absl parses them; its own errors end with exit code 1 and a page of usage. Here an error is one line.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

from absl import flags

from rnascl_tf.command_line import flag_values as readers
from rnascl_tf.command_line import logs
from rnascl_tf.errors import UserError
from rnascl_tf.spelling import did_you_mean

Request = TypeVar("Request")

_LONGEST_NAME = 80


class FlagError(UserError):
    """A command line that cannot be used; the message is one line."""


class CommandFlags:
    """Flags of a command, with `--help` and `--log_json`, which all commands have.

    Args:
        usage: what `--help` prints above the flags.
        positional: what the arguments without a flag are, as "IMAGE"; None: the command takes none.
            At least one is needed.
    """

    def __init__(self, usage: str, positional: str | None = None) -> None:
        self.positional: list[str] = []
        """The arguments without a flag, after `parse`."""
        self._usage = usage
        self._positional = positional
        self._needed: dict[str, str] = {}
        self._names: list[str] = []
        self.values = flags.FlagValues()
        self.values.set_gnu_getopt(True)  # flags may come after positional arguments
        flags.DEFINE_bool(
            "help", False, "Show this and end.", flag_values=self.values, short_name="h"
        )
        flags.DEFINE_bool(
            "log_json",
            False,
            "Log one JSON object per line, for machines.",
            flag_values=self.values,
        )

    def text(
        self, name: str, explanation: str, default: str | None = None, needed: str | None = None
    ) -> None:
        """Adds a flag that takes any text; `needed` makes it one that must be given.

        Args:
            name: of the flag.
            explanation: for `--help`.
            default: its value if it is not given.
            needed: an example of a value, for the line that says that it is missing.
        """
        self._add(name, flags.ArgumentParser(), default, explanation)
        if needed is not None:
            self.need(name, needed)

    def whole(
        self, name: str, explanation: str, default: int | None = None, lowest: int | None = None
    ) -> None:
        """Adds a flag that takes a whole number of at least `lowest`."""
        self._add(name, readers.WholeNumber(lowest), default, explanation)

    def choice(self, name: str, explanation: str, choices: Sequence[str], default: str) -> None:
        """Adds a flag that takes one of some names, which `--help` lists."""
        listed = f"{explanation.removesuffix('.')}: {', '.join(choices)}."
        self._add(name, readers.Choice(tuple(choices)), default, listed)

    def switch(self, name: str, explanation: str) -> None:
        """Adds a flag that is on or off, and off if it is not given."""
        flags.DEFINE_bool(name, False, explanation, flag_values=self.values)
        self._names.append(name)

    def names(
        self,
        name: str,
        explanation: str,
        default: Sequence[str] = (),
        needed: str | None = None,
    ) -> None:
        """Adds a flag that takes names with commas between them; see `text` for `needed`."""
        flags.DEFINE_list(name, list(default), explanation, flag_values=self.values)
        self._names.append(name)
        if needed is not None:
            self.need(name, needed)

    def numbers(
        self,
        name: str,
        explanation: str,
        default: Sequence[float] | None = None,
        kind: type[int] | type[float] = float,
    ) -> None:
        """Adds a flag that takes numbers with commas; its value is a tuple, or None for none."""
        given = None if default is None else tuple(default)
        self._add(name, readers.Numbers(kind), given, explanation)

    def repeated(self, name: str, explanation: str) -> None:
        """Adds a flag that may be given several times; its value is a list of texts."""
        flags.DEFINE_multi_string(name, [], explanation, flag_values=self.values)
        self._names.append(name)

    def need(self, name: str, example: str) -> None:
        """Makes a flag one that must be given."""
        self._needed[name] = example

    def parse(self, arguments: Sequence[str]) -> Any | None:
        """Parses a command line.

        Args:
            arguments: without the program's and the command's name.

        Returns:
            An object with the value of each flag under its name; None after having printed the help.

        Raises:
            FlagError: an unknown flag, a wrong value, an unexpected argument, or missing flags, all
                of which are named.
        """
        for argument in arguments:
            name = argument.lstrip("-").partition("=")[0]
            # absl looks for a similar flag by a recursion as deep as the name is long.
            if argument.startswith("-") and len(name) > _LONGEST_NAME:
                raise FlagError(self._unknown(f"{name[:_LONGEST_NAME]}..."))
        try:
            self.positional = self.values(["rnascl", *arguments])[1:]
        except flags.UnrecognizedFlagError as error:
            raise FlagError(self._unknown(error.flagname)) from error
        except flags.Error as error:
            # "flag --top=0: wanted ..."
            raise FlagError(str(error).removeprefix("flag ")) from error
        if self.values.log_json:
            logs.as_json()
        if self.values.help:
            print(self._help())
            return None
        if self.positional and self._positional is None:
            raise FlagError(
                f"unexpected argument {self.positional[0]!r}: every option starts with --, and lists "
                "take no spaces."
            )
        self._refuse_missing()
        return self.values

    def fill(self, request: type[Request], **values: Any) -> Request:
        """Returns a dataclass with the parsed flags that have the names of its fields.

        Args:
            request: the dataclass.
            values: of fields that are not flags.
        """
        given = {
            field.name: _immutable(self.values[field.name].value)
            for field in dataclasses.fields(request)  # type: ignore[arg-type]  # a dataclass
            if field.name not in values
        }
        return request(**given, **values)

    def _add(self, name: str, parser: flags.ArgumentParser, default: Any, explanation: str) -> None:
        flags.DEFINE(parser, name, default, explanation, flag_values=self.values)
        self._names.append(name)

    def _unknown(self, name: str) -> str:
        near = did_you_mean(name, [*self._names, *self._needed, "help", "log_json"])
        return f"unknown flag --{name}{near.replace('mean ', 'mean --')}: --help lists the flags."

    def _refuse_missing(self) -> None:
        missing = {
            f"--{name}": f"--{name}={example}"
            for name, example in self._needed.items()
            if not self.values[name].value
        }
        if self._positional and not self.positional:
            missing[self._positional] = self._positional
        if missing:
            *most, last = missing
            listed = f"{', '.join(most)} and {last}" if most else last
            raise FlagError(
                f"{listed} {'are' if most else 'is'} missing: give {' '.join(missing.values())}."
            )

    def _help(self) -> str:
        lines = [self._usage.strip(), "", "flags:"]
        for name in [*self._names, "log_json", "help"]:
            flag = self.values[name]
            lines.append(f"  --{name}: {flag.help}{_default(flag.default)}")
        return "\n".join(lines)


def _immutable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _default(value: Any) -> str:
    if value is None or value is False or value in ("", []):
        return ""
    shown = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
    return f" (default: {shown})"
