"""Variants of a recipe: what follows the colon in `--config=NAME:variant,variant`."""

from collections.abc import Callable, Mapping, Sequence

from ml_collections import ConfigDict

from rnascl_tf.spelling import did_you_mean

Change = Callable[[ConfigDict], None]
"""What a variant changes, in place."""


def apply_variants(config: ConfigDict, text: str, *groups: Mapping[str, Change]) -> None:
    """Applies the variants that a recipe is asked for.

    They are applied in the order of the groups, in whatever order they are written.

    Args:
        config: the recipe's config so far.
        text: names with commas between them, "s3,robust"; empty for none.
        groups: {name: change} of variants that exclude each other. The first group is that of the
            recipe's sizes: its first variant is applied if none of them is named.

    Raises:
        ValueError: a name is unknown, or two exclude each other.
    """
    names = [name.strip() for name in text.split(",")] if text else []
    if "" in names:
        raise ValueError(
            f"{text!r} has a comma and no name beside it; write s3,robust without spaces."
        )
    known = [name for group in groups for name in group]
    for name in names:
        if name not in known:
            raise ValueError(
                f"unknown variant {name!r}{did_you_mean(name, known)}: give one of "
                f"{', '.join(groups[0])}{_addable(groups[1:])}."
            )
    for group in groups:
        chosen = [name for name in names if name in group]
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"{text!r} names a variant twice: give each once.")
        if len(chosen) > 1:
            raise ValueError(
                f"the variants {' and '.join(chosen)} exclude each other: give one of them."
            )
        if not chosen and group is groups[0]:
            chosen = [next(iter(group))]
        for name in chosen:
            group[name](config)


def _addable(groups: Sequence[Mapping[str, Change]]) -> str:
    further = [name for group in groups for name in group]
    return f", with or without {', '.join(further)}" if further else ""
