"""What a data set is: three splits of labelled uint8 images and the facts that belong to them.

Images stay uint8 until a batch is made, which takes a quarter of float32's memory. Everything outside
this room sees float32 in [0, 1]: docs/design.md, "Contracts".
"""

import dataclasses

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.examples import LabelledImages


@dataclasses.dataclass(frozen=True, eq=False)
class DataSet:
    """A data set, split once and for all.

    Attributes:
        name: its name in the registry.
        train: examples on which weights are fitted; a row number identifies an example.
        validation: examples held out of training, for any choice.
        test: examples for the final evaluation only.
        class_names: one name per class, in label order.
        mean: per-channel mean of the images in [0, 1], for the normalisation inside a model.
        std: per-channel standard deviation, likewise.
        license: the terms of use of the images, one line.

    Raises:
        DataError: the splits' image sizes differ, a label has no class, or mean and std are not
            three numbers each (std positive).
    """

    name: str
    train: LabelledImages
    validation: LabelledImages
    test: LabelledImages
    class_names: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    license: str

    def __post_init__(self) -> None:
        for split in ("train", "validation", "test"):
            examples = getattr(self, split)
            shape = examples.image_shape
            if shape != self.input_shape:
                raise DataError(
                    f"{self.name}: {split} images are {shape}, those of train {self.input_shape}."
                )
            if examples.labels.max() >= self.num_classes:
                raise DataError(
                    f"{self.name}: label {examples.labels.max()} in {split}, but only "
                    f"{self.num_classes} class names."
                )
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise DataError(
                f"{self.name}: mean and std need three numbers each, std positive, got "
                f"{self.mean} and {self.std}."
            )

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every image."""
        return self.train.image_shape
