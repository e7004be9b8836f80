r"""Your own images: any number of classes, any image size, and a robust teacher trained on them.

    rnascl --config=image_folder:small,robust --workdir=runs/mine \
        --config.data.data_dir=FOLDER

FOLDER holds train/CLASS/* and val/CLASS/*, files that Pillow reads, of any size and colour mode. The
images in val are only tested on; validation is held out of train (if there is also a folder test, val
validates and test is tested on).

"robust" trains the student on attacked images; without it the training is the paper's, on clean ones.
"small" makes 32x32 images and searches space S3; --config.data.image_size=48 or any other side up to
about 64 works as well. "large" makes 224x224 images, searches space IS and trains on random-resized
crops: for photographs, and for a GPU.

Most likely no robust teacher exists for your classes: a small one is trained here, by PGD adversarial
training. An ONNX file of your own is taken with --config.teacher.onnx=TEACHER.onnx; its classes are the
folders of train in alphabetical order.
"""

from ml_collections import ConfigDict

from rnascl_tf.recipes import apply_variants, base_config, robust


def get_config(variant: str = "small") -> ConfigDict:
    """Returns the recipe; `variant` is small (32x32, S3) or large (224x224, IS), and may add robust."""
    config = base_config()
    config.data.update(dict(name="image_folder", batch_size=64, flip=True))
    # gamma: the paper's candidate nearest to the native teacher's n_t, by which eq. 1 divides.
    config.search.gamma = 10.0
    config.train.gamma = 10.0
    # Few folders have more test images; if yours does, raise these.
    config.teacher.evaluate_examples = 100
    config.evaluate.examples = 100
    config.export.examples = 100
    apply_variants(config, variant, {"small": _small, "large": _large}, {"robust": robust})
    return config


def _small(config: ConfigDict) -> None:
    config.data.update(dict(image_size=32, crop_padding=4))
    config.teacher.stem_stride = 2


def _large(config: ConfigDict) -> None:
    config.data.update(dict(image_size=224, resized_crop=True))
    config.search.space = "IS"
    schedule = dict(learning_rate=0.05, schedule="cosine", l2=4e-5)
    config.search.update(schedule)
    config.train.update(dict(epochs=200, **schedule))
    config.trades.l2 = 4e-5
    config.export.square_examples = 20
    config.teacher.update(dict(widths=(32, 64, 128, 256), blocks=(1, 1, 1, 1), stem_stride=2))
