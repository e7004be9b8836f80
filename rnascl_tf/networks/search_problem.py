"""What is searched: the students of a space for one data set's images."""

import dataclasses

from rnascl_tf.networks.search_space import SearchSpace


@dataclasses.dataclass(frozen=True)
class SearchProblem:
    """All that size and cost of a student depend on, besides its filters.

    Attributes:
        space: the search space.
        num_classes: classes of the data set, at least 2.
        input_shape: (height, width, channels) of its images; any sequence is taken.
    """

    space: SearchSpace
    num_classes: int
    input_shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", tuple(self.input_shape))
