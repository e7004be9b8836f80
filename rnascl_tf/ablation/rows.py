"""The rows of a comparison: each has a name, and the config values that differ from the recipe's."""

import dataclasses
import itertools
import re
from collections.abc import Iterable, Sequence

from ml_collections import ConfigDict

from rnascl_tf.errors import UserError
from rnascl_tf.pipeline.order import select, upstream
from rnascl_tf.recipes.choices import names
from rnascl_tf.spelling import did_you_mean

SHORT_NAMES = {
    "tutor": ("method.tutor",),
    "kl": ("method.kl",),
    "attention": ("method.attention",),
    "noise": ("search.noise",),
    "gamma": ("search.gamma", "train.gamma"),
}
"""Names for the method's controls, and the config keys that each sets."""

VARIED = {
    "tutor": names("method.tutor"),
    "kl": ("on", "off"),
    "attention": ("on", "off"),
    "noise": names("search.noise"),
    "gamma": ("0.01", "0.1", "1", "10", "100"),  # the paper's candidates
}
"""The values that `--vary=NAME` runs when none are given."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: in the table.
        settings: (config key, value as text) pairs.
    """

    name: str
    settings: tuple[tuple[str, str], ...]

    @property
    def folder(self) -> str:
        """A folder name made of the row's name."""
        return re.sub(r"[^\w.+-]+", "_", self.name)

    @property
    def arguments(self) -> list[str]:
        """The settings as command line arguments."""
        return [f"--config.{key}={value}" for key, value in self.settings]


def row_stages(config: ConfigDict) -> list[str]:
    """Returns the names of the stages that a row runs: up to its evaluation, the teacher is shared."""
    needed = {"evaluate"} | upstream("evaluate") - {"teacher"}
    return [stage.name for stage in select(config, []) if stage.name in needed]


def vary(texts: Iterable[str]) -> list[Row]:
    """Returns the rows of every combination of some `--vary` flags.

    Args:
        texts: "NAME" for all of `VARIED`'s values, or "NAME=value,value"; NAME is one of
            `SHORT_NAMES` or a config key.

    Raises:
        UserError: a misspelt name, another name without values, or an empty list of values.
    """
    factors = []
    for text in texts:
        name, _, values = text.partition("=")
        _refuse_misspelt(f"--vary={text}", name)
        if not values and name not in VARIED:
            raise UserError(
                f"--vary={text} needs values, as --vary={name}=1,2; only {', '.join(VARIED)} have "
                "values by default."
            )
        chosen = values.split(",") if values else VARIED[name]
        if "" in chosen:
            raise UserError(f"--vary={text} has an empty value: give --vary={name}=1,2.")
        factors.append([(name, value) for value in chosen])
    return [_row(None, pairs) for pairs in itertools.product(*factors)] if factors else []


def parse_row(text: str) -> Row:
    """Returns the row of a `--row=NAME:key=value,key=value` flag; NAME alone is the recipe as it is.

    Raises:
        UserError: the text has another form, or a misspelt name.
    """
    name, _, rest = text.partition(":")
    # A comma separates settings only before the next key: values may be lists.
    parts = re.split(r",(?=[\w.]+=)", rest) if rest else []
    pairs = [(key, value) for key, _, value in (part.partition("=") for part in parts)]
    if not name or not all(key and value for key, value in pairs):
        raise UserError(f"--row={text} should be --row=NAME:key=value,key=value.")
    for key, _ in pairs:
        _refuse_misspelt(f"--row={text}", key)
    return _row(name, pairs)


def _refuse_misspelt(flag: str, name: str) -> None:
    """Refuses what is nearly a short name; any other may be a config key, which is looked up later."""
    suggestion = did_you_mean(name, SHORT_NAMES)
    if suggestion and name not in SHORT_NAMES and "." not in name:
        raise UserError(
            f"{flag}: there is no {name!r}{suggestion}; give one of {', '.join(SHORT_NAMES)}, or a "
            "config key with its section, as train.epochs."
        )


def _row(name: str | None, pairs: Sequence[tuple[str, str]]) -> Row:
    settings = [(key, value) for short, value in pairs for key in SHORT_NAMES.get(short, (short,))]
    name = name or ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in pairs)
    return Row(name, tuple(settings))
