"""What an import of an ONNX classifier as a teacher needs to know."""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """An import.

    Attributes:
        onnx: the ONNX file.
        out: folder to write to.
        taps: convolutions to tap: "main" (no projection shortcuts), "all", or a regular expression.
        dataset: name of the data set for proof and accuracy; None: photographs, and no accuracy.
        data_dir: folder of the data set's prepared data.
        epsilon: epsilon of PGD-20 as text, L-inf, in pixel units of [0, 1].
        mean: per-channel mean in [0, 1] for a file that wants normalised images, or None.
        std: per-channel standard deviation, likewise.
        image_size: side of the images in pixels, if the file or the data set leaves it free.
        verify_examples: number of real images on which layers are compared.
        examples: number of test images for clean and PGD-20 accuracy.
        batch_size: images attacked at once.
        seed: of PGD's random starts and of the photographs' crops.
        overwrite: replace what `out` holds.
    """

    onnx: str | Path
    out: str | Path
    taps: str = "main"
    dataset: str | None = None
    data_dir: str | Path | None = None
    epsilon: str = "8/255"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    image_size: int | None = None
    verify_examples: int = 16
    examples: int = 500
    batch_size: int = 100
    seed: int = 0
    overwrite: bool = False
