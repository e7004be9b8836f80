"""How each model looks: its title in tables, its colour and marker in every picture."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

# Okabe and Ito's palette, told apart by every kind of colour vision.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)


@dataclasses.dataclass(frozen=True)
class ModelStyle:
    """One model's looks.

    Attributes:
        title: in tables.
        color: in pictures.
        text_color: a darker shade of it, in which small text is readable.
        marker: matplotlib's name of its marker.
        origin: how it was made, as the model card says it.
    """

    title: str
    color: str
    text_color: str
    marker: str
    origin: str = ""


Styles = Mapping[str, ModelStyle]
"""The record's names of models, and their styles."""

NO_STYLES: Styles = MappingProxyType({})


def style_of(styles: Styles, model: str) -> ModelStyle:
    """Returns a model's style; one for all models that have none of their own."""
    unknown = ModelStyle(title=model, color=VERMILION, text_color="#8A3C00", marker="P")
    return styles.get(model, unknown)
