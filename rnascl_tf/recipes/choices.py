"""The names that a config key may have as its value, readable without TensorFlow.

Those of `search.space` are the keys of `networks.SEARCH_SPACES`, which is data itself.

What a name stands for is in the room that implements it; `tests/recipes/test_choices.py` compares the
two. A new activation, noise, tutor, cost model or native network is added there and here.
"""

NO_ATTACK = "none"
"""The value of `train.attack` and `search.attack` that trains on clean images, as the paper does."""

_ATTACKS = ("n_fgsm", "fgsm_rs", "pgd", "trades")

CHOICES: dict[str, tuple[str | int, ...]] = {
    "teacher.stem_stride": (1, 2),
    "teacher.adversarial": _ATTACKS,
    "teacher.network": (
        "resnet",
        "resnet18",
        "resnet50",
        "wide_resnet50_2",
        "wide_resnet34_10",
        "preact_resnet18",
    ),
    "teacher.precision": ("auto", "float32", "bfloat16"),
    "search.activation": ("hard_swish", "relu6", "relu"),
    "search.noise": ("gumbel", "normal"),
    "search.cost": ("macs", "authors", "none", "latency"),
    "search.attack": (NO_ATTACK, *_ATTACKS),
    "train.attack": (NO_ATTACK, *_ATTACKS),
    "trades.attack": _ATTACKS,
    "method.kl_first": ("student", "teacher"),
    "method.tutor": ("search", "random", "same_depth", "reversed", "none"),
    "threat.norm": ("linf", "l2"),
    "replicas.batch_norm": ("per_replica", "synchronized"),
    "evaluate.budget": ("standard", "quick"),
    "export.kinds": ("float32", "float16", "dynamic", "int8"),
    **{
        f"{section}.schedule": ("step", "cosine", "warmup_cosine")
        for section in ("teacher", "search", "train", "trades")
    },
}
"""{config key: its values}; of `export.kinds`, which is a list, the values of its entries."""


def names(key: str) -> tuple[str, ...]:
    """Returns the values of a key, as text."""
    return tuple(map(str, CHOICES[key]))
