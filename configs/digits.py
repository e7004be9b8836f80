"""The embedded default: scikit-learn's handwritten digits, S3, a teacher trained here.

python -m rnascl_tf --config=configs/digits.py --workdir=runs/digits
"""

from configs.base import base_config, choose_variant


def get_config(variant="demo"):
    """Returns the recipe; `variant` is "demo" (default) or "smoke" (all stages in under a minute)."""
    config = base_config()
    config.data.name = "digits"
    config.data.batch_size = 64
    config.data.crop_padding = 2
    config.threat.epsilon = "0.1"
    config.teacher.update(
        dict(widths=(16, 32, 64), stem_stride=2, epochs=20, evaluate_examples=400)
    )
    config.search.epochs = 10
    config.train.epochs = 30
    config.evaluate.examples = 400
    choose_variant(variant, {"demo": lambda config: None, "smoke": _smoke})(config)
    return config


def _smoke(config):
    config.data.train_examples = 128
    config.data.batch_size = 32
    config.teacher.update(
        dict(widths=(8, 8, 8), epochs=1, attack_steps=1, evaluate_examples=32, verify_examples=8)
    )
    config.search.epochs = 1
    config.train.epochs = 1
    config.evaluate.update(dict(examples=32, batch_size=32))
    config.export.runs = 10
