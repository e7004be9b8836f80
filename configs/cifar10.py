r"""CIFAR-10 and a robust ONNX teacher, as in section A.1 of the paper, or on attacked images.

    rnascl --config=cifar10:s3,robust --workdir=runs/c10 \
        --config.teacher.onnx=TEACHER.onnx [--config.data.data_dir=PREPARED]

Without "robust" it is the paper's training on clean images.
"""

import functools

from ml_collections import ConfigDict

from rnascl_tf.recipes import apply_variants, base_config, robust


def get_config(variant: str = "s3") -> ConfigDict:
    """Returns the recipe; `variant` names the search space, s3, s5, s7, m or l, and may add robust."""
    config = base_config()
    config.data.update(dict(name="cifar10", crop_padding=4, flip=True))
    spaces = {
        name.lower(): functools.partial(_search, name) for name in ("S3", "S5", "S7", "M", "L")
    }
    apply_variants(config, variant, spaces, {"robust": robust})
    return config


def _search(space: str, config: ConfigDict) -> None:
    config.search.space = space
