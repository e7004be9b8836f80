"""The paper's eight search spaces as data (Tables 3 and 4; docs/design.md, "The student").

To add a space, add an entry to `SEARCH_SPACES`; everything else reads it from there.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


@dataclasses.dataclass(frozen=True)
class StageSpace:
    """A network stage: inverted residual blocks which share their choices.

    Attributes:
        choices: output filters a block may have, widest first. The choice is per block.
        depth: number of blocks.
        stride: of the first block; the others have stride 1.
        expansion: e, hidden channels per input channel.
    """

    choices: tuple[int, ...]
    depth: int
    stride: int
    expansion: int = 6


@dataclasses.dataclass(frozen=True)
class Head:
    """What follows the last network stage on ImageNet: 1x1 conv, pool, 1x1 conv.

    Attributes:
        expansion: filters of the first convolution per filter of the last network stage.
        filters: of the second convolution, which runs on the pooled 1x1 features.
    """

    expansion: int
    filters: int


@dataclasses.dataclass(frozen=True)
class Block:
    """One inverted residual block with concrete widths.

    Attributes:
        name: prefix of its layers' and taps' names.
        input_filters: C_in.
        filters: C_out.
        choices: what C_out may be in the search, widest first.
        stride: 1 or 2.
        expansion: e.
    """

    name: str
    input_filters: int
    filters: int
    choices: tuple[int, ...]
    stride: int
    expansion: int

    @property
    def residual(self) -> bool:
        """Whether the input is added to the output."""
        return self.stride == 1 and self.input_filters == self.filters


@dataclasses.dataclass(frozen=True)
class SearchSpace:
    """A family of students that differ in the number of filters of each block.

    Attributes:
        name: its name in the paper.
        stages: the network stages, in order.
        stem_filters: output filters of the first convolution, 3x3, stride 2, never searched.
        head: what follows the last network stage; None is global pooling and a dense layer alone.
        image_size: height and width of the images that the space was made for.
    """

    name: str
    stages: tuple[StageSpace, ...]
    stem_filters: int = 16
    head: Head | None = None
    image_size: int = 32

    @property
    def widest(self) -> list[list[int]]:
        """The filters of the widest student, a list for each network stage."""
        return [[stage.choices[0]] * stage.depth for stage in self.stages]

    @property
    def narrowest(self) -> list[list[int]]:
        """The filters of the narrowest student, a list for each network stage."""
        return [[stage.choices[-1]] * stage.depth for stage in self.stages]

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return sum(stage.depth for stage in self.stages)

    @property
    def size(self) -> int:
        """Number of different students."""
        size = 1
        for stage in self.stages:
            size *= len(stage.choices) ** stage.depth
        return size

    def blocks(self, filters: Sequence[Sequence[int]]) -> list[Block]:
        """Returns the blocks of the student with these filters.

        Args:
            filters: output filters of every block, a list for each network stage.

        Raises:
            ValueError: the shape of `filters` is not the space's, or a value is not a choice.
        """
        self._check(filters)
        blocks, input_filters = [], self.stem_filters
        for number, (stage, widths) in enumerate(zip(self.stages, filters, strict=True), start=1):
            for position, width in enumerate(widths, start=1):
                blocks.append(
                    Block(
                        name=f"stage{number}_block{position}",
                        input_filters=input_filters,
                        filters=width,
                        choices=stage.choices,
                        stride=stage.stride if position == 1 else 1,
                        expansion=stage.expansion,
                    )
                )
                input_filters = width
        return blocks

    def nested(self, flat: Iterable[_Item]) -> list[list[_Item]]:
        """Returns values in block order as a list for each network stage."""
        values = list(flat)
        nested, start = [], 0
        for stage in self.stages:
            nested.append(values[start : start + stage.depth])
            start += stage.depth
        return nested

    def _check(self, filters: Sequence[Sequence[int]]) -> None:
        wanted = [stage.depth for stage in self.stages]
        if [len(widths) for widths in filters] != wanted:
            raise ValueError(
                f"space {self.name} has network stages of {wanted} blocks, but filters has "
                f"{[len(widths) for widths in filters]}."
            )
        for number, (stage, widths) in enumerate(zip(self.stages, filters, strict=True), start=1):
            for width in widths:
                if width not in stage.choices:
                    raise ValueError(
                        f"{width} filters is not a choice of stage {number} of space {self.name}: "
                        f"give one of {list(stage.choices)}."
                    )


def _cifar(name: str, depths: Sequence[int], *choices: tuple[int, ...]) -> SearchSpace:
    """Strides 1, 2, 2 after the stem; no head."""
    stages = [
        StageSpace(widths, depth, stride)
        for widths, depth, stride in zip(choices, depths, (1, 2, 2), strict=True)
    ]
    return SearchSpace(name, tuple(stages))


def _imagenet(name: str, depths: Sequence[int]) -> SearchSpace:
    """Strides 2, 2, 2, 1, 2 after a block of 16, which only the authors' code has."""
    choices = (
        (28, 24, 20, 16),
        (40, 36, 32, 28),
        (96, 88, 80, 72, 64, 56, 48),
        (128, 120, 108, 100, 92, 84, 76, 68),
        (216, 208, 200, 192, 184, 176, 168, 160, 152, 144, 136, 128, 120, 108),
    )
    stages = [StageSpace((16, 12), 1, 1, expansion=1)]
    stages += [
        StageSpace(widths, depth, stride)
        for widths, depth, stride in zip(choices, depths, (2, 2, 2, 1, 2), strict=False)
    ]
    head = Head(expansion=6, filters=1984)
    return SearchSpace(name, tuple(stages), head=head, image_size=224)


_SMALL = ((16, 12), (32, 28, 24, 20), (64, 60, 56, 52))

SEARCH_SPACES = {
    space.name: space
    for space in (
        _cifar("S3", (3, 3, 3), *_SMALL),
        _cifar("S5", (5, 5, 5), *_SMALL),
        _cifar("S7", (7, 7, 7), *_SMALL),
        _cifar("M", (9, 7, 1), (80, 76), (160, 156, 152, 148), (128, 124, 120, 116)),
        _cifar("L", (9, 7, 1), (160, 156), (320, 316, 312, 308), (256, 252, 248, 244)),
        _imagenet("IS", (3, 3, 3)),
        _imagenet("IM", (3, 3, 3, 4)),
        _imagenet("I", (3, 3, 3, 4, 4)),
    )
}
"""The paper's spaces by name."""
