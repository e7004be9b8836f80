r"""CIFAR-10 and a robust ONNX teacher, as in section A.1 of the paper.

rnascl --config=cifar10:s3 --workdir=runs/c10 \
        --config.teacher.onnx=TEACHER.onnx [--config.data.data_dir=PREPARED]
"""

from ml_collections import ConfigDict

from rnascl_tf.recipes import base_config, choose_variant


def get_config(variant: str = "s3") -> ConfigDict:
    """Returns the recipe; `variant` names the search space: s3, s5, s7, m or l."""
    config = base_config()
    config.data.update(dict(name="cifar10", crop_padding=4, flip=True))
    spaces = {"s3": "S3", "s5": "S5", "s7": "S7", "m": "M", "l": "L"}
    config.search.space = choose_variant(variant, spaces)
    return config
