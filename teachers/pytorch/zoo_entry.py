"""What the zoo records about a public robust checkpoint."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InputNormalization:
    """(image - mean) / std, as a checkpoint expects it for images in [0, 1].

    Attributes:
        mean: one number per channel, in pixel units of [0, 1].
        std: likewise, positive.
        clamps: whether the checkpoint's own code first clips images to [0, 1].
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    clamps: bool = False

    def __str__(self) -> str:
        mean, std = (
            ",".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std)
        )
        return f"mean {mean} and std {std}"


@dataclass(frozen=True)
class Paper:
    """Where a checkpoint was described."""

    authors: str
    title: str
    year: int
    link: str


@dataclass(frozen=True)
class ZooEntry:
    """One public checkpoint.

    Attributes:
        name: what `--zoo` calls it.
        dataset: what it was trained on.
        architecture: a name that `teachers.pytorch.networks.build` knows.
        num_classes: length of its logits.
        input_shape: (height, width, channels).
        normalization: of its input; None if it takes images in [0, 1] unchanged.
        state_key: key of the state dict in the authors' file; None if the file is the state dict, or
            if its layout is not known here. `checkpoint` recognises other layouts too.
        prefix: what precedes the network's own keys there; "" for nothing or unknown.
        threat: norm and epsilon, in pixel units, against which it was trained.
        clean: claimed accuracy without an attack, in %, or None.
        robust: claimed accuracy under AutoAttack, in %, or None.
        claimed_by: the source of these figures, or None.
        paper: where it was described.
        published: page on which it is offered.
        file: its name there, if known.
    """

    name: str
    dataset: str
    architecture: str
    num_classes: int
    input_shape: tuple[int, int, int]
    normalization: InputNormalization | None
    state_key: str | None
    prefix: str
    threat: str
    clean: float | None
    robust: float | None
    claimed_by: str | None
    paper: Paper
    published: str
    file: str | None = None
