r"""ImageNet-100 at 224x224 and a robust ONNX teacher, as in section A.1 of the paper.

    rnascl --config=imagenet100:is --workdir=runs/imagenet100 \
        --config.teacher.onnx=TEACHER.onnx --config.data.data_dir=FOLDER

FOLDER holds ImageNet as class folders (train/WNID/*, val/WNID/*) or as TFDS has prepared it
(imagenet2012/); the 100 classes are found in either. The teacher's 100 logits must be in the order
of the sorted WordNet ids. Without --config.teacher.onnx a small network is trained as the teacher.
"""

import functools

from ml_collections import ConfigDict

from rnascl_tf.recipes import apply_variants, base_config, robust


def get_config(variant: str = "is") -> ConfigDict:
    """Returns the recipe; `variant` names the search space, is, im or i, and may add robust."""
    config = base_config()
    config.data.update(
        dict(name="imagenet100", image_size=224, batch_size=256, resized_crop=True, flip=True)
    )
    schedule = dict(learning_rate=0.05, schedule="cosine", l2=4e-5)
    config.search.update(dict(epochs=100, **schedule))
    config.train.update(dict(epochs=200, **schedule))
    config.trades.l2 = 4e-5
    # A query runs the file once, and an image of this size takes a device fifty times as long.
    config.export.square_examples = 20
    config.teacher.update(dict(widths=(32, 64, 128, 256), blocks=(1, 1, 1, 1), stem_stride=2))
    spaces = {name.lower(): functools.partial(_search, name) for name in ("IS", "IM", "I")}
    apply_variants(config, variant, spaces, {"robust": robust})
    return config


def _search(space: str, config: ConfigDict) -> None:
    config.search.space = space
