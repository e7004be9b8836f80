"""ImageNet-100: the images of 100 of ImageNet's classes, from class folders or from TFDS.

Looked for in `data_dir`, in this order:

1. `train/WNID/*` and `val/WNID/*`: a folder of ImageNet, of which only the 100 classes are read;
2. `imagenet100/`: the result of step 3 in an earlier run;
3. `imagenet2012/` as TFDS prepares it: the 100 classes are written once to `imagenet100/`.

ImageNet's 50,000 validation images are labelled and its test images are not. So `val` is the test
split here (5,000 images), and 5,000 images are held out of `train` for validation, each class in
proportion (46 to 52 images).
"""

from pathlib import Path

from rnascl_tf.data.class_folders import listed
from rnascl_tf.data.dataset import DataSet
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.image_folder import read_class_folders
from rnascl_tf.data.imagenet100_classes import WORDNET_IDS
from rnascl_tf.data.imagenet100_extraction import extract, prepared_imagenet
from rnascl_tf.data.places import DATA_DIR_FLAG, imagenet_folder, is_extracted

HELD_OUT = 5000
LICENSE = "ImageNet's terms of access: non-commercial research and education; image-net.org"


def load_imagenet100(
    *,
    data_dir: str | Path | None = None,
    validation_examples: int | None = None,
    train_examples: int | None = None,
    image_size: int | None = None,
    resized_crop: bool = False,
    flag: str = DATA_DIR_FLAG,
) -> DataSet:
    """Loads ImageNet-100; the pixels are read from the files when they are used.

    Args:
        data_dir: folder that holds one of the three above; None for TFDS' own default folder.
        validation_examples: how many training examples to hold out; None for 5,000, or
            a tenth if that is less.
        train_examples: take only this many training examples, the first.
        image_size: side of the square images; 224 if None.
        resized_crop: as for `load_image_folder`.
        flag: what `data_dir` came with, for messages.

    Raises:
        DataError: there is no ImageNet, one of the 100 classes is missing, an image is broken, or a
            number is out of range.
    """
    folder = _class_folders(imagenet_folder(data_dir, flag))
    for split in ("train", "val"):
        missing = [name for name in WORDNET_IDS if not (folder / split / name).is_dir()]
        if missing:
            raise DataError(
                f"{folder / split} lacks the ImageNet-100 classes {listed(missing)}: add a folder "
                "of images for each, named by its WordNet id."
            )
    return read_class_folders(
        "imagenet100",
        folder,
        WORDNET_IDS,
        LICENSE,
        test_split="val",
        validation_examples=validation_examples,
        train_examples=train_examples,
        image_size=image_size,
        resized_crop=resized_crop,
        most_held_out=HELD_OUT,
    )


def _class_folders(folder: Path) -> Path:
    """Returns the folder with train/WNID and val/WNID, copied out of TFDS' files first if need be."""
    if (folder / "train").is_dir():
        return folder
    extracted = folder / "imagenet100"
    builder = None if is_extracted(extracted) else prepared_imagenet(folder)
    if builder is not None:
        extract(builder, extracted)
    return extracted
