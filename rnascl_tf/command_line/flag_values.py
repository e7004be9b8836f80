"""How the text of a flag is read, with errors that say what was wanted."""

from collections.abc import Sequence

from absl import flags

from rnascl_tf.spelling import did_you_mean


class WholeNumber(flags.ArgumentParser):
    """Reads an integer that is at least `lowest`, if that is not None."""

    def __init__(self, lowest: int | None) -> None:
        self._lowest = lowest

    def parse(self, argument: str | int) -> int:
        """Returns the integer; raises ValueError for any other text, and for a smaller one."""
        wanted = "a whole number" + ("" if self._lowest is None else f" of {self._lowest} or more")
        try:
            value = int(argument)
        except ValueError:
            raise ValueError(f"wanted {wanted}.") from None
        if self._lowest is not None and value < self._lowest:
            raise ValueError(f"wanted {wanted}.")
        return value

    def flag_type(self) -> str:
        """Returns the type's name."""
        return "int"


class Choice(flags.ArgumentParser):
    """Reads one of some names; a misspelt one is answered with the nearest."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        self._choices = choices

    def parse(self, argument: str) -> str:
        """Returns the name; raises ValueError for any other text."""
        if argument not in self._choices:
            raise ValueError(
                f"unknown{did_you_mean(argument, self._choices)}: give one of "
                f"{', '.join(self._choices)}."
            )
        return argument

    def flag_type(self) -> str:
        """Returns the type's name."""
        return "string enum"


class Numbers(flags.ArgumentParser):
    """Reads numbers with commas between them, as a tuple; None for an empty text."""

    def __init__(self, kind: type[int] | type[float]) -> None:
        self._kind = kind

    def parse(self, argument: str | Sequence[float] | None) -> tuple[float, ...] | None:
        """Returns the numbers; raises ValueError where one of them is something else."""
        texts = argument.split(",") if isinstance(argument, str) else argument
        try:
            return tuple(self._kind(text) for text in texts or () if text != "") or None
        except ValueError:
            kind = "whole numbers" if self._kind is int else "numbers"
            raise ValueError(f"wanted {kind} with commas, and no spaces.") from None

    def flag_type(self) -> str:
        """Returns the type's name."""
        return "numbers"
