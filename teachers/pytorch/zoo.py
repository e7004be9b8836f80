"""Public robust checkpoints: how each is built, keyed and normalised, and what is claimed for it.

Claims are RobustBench's (`model_info/*.json`: clean and AutoAttack accuracy in %), read in 2026, unless
`claimed_by` says otherwise; None is a figure that was not found. None of them was measured here:
`rnascl import-teacher --dataset=...` does that. `published` is a page, which may offer no download.

To add a checkpoint: add an entry to `_ENTRIES`; its architecture must be in `networks`.

The authors' released code of the paper uses Rice's WRN-34-10 as teacher.
"""

from typing import Any

from rnascl_tf.spelling import did_you_mean
from teachers.errors import TeacherError
from teachers.pytorch.zoo_entry import InputNormalization, Paper, ZooEntry

# Four decimals of CIFAR-10's own statistics; MadryLab's standard deviations are an older estimate.
_CIFAR10 = InputNormalization((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616))
_CIFAR10_MADRYLAB = InputNormalization((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010), True)
_IMAGENET_MADRYLAB = InputNormalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), True)

_RICE = Paper(
    "Leslie Rice, Eric Wong, J. Zico Kolter",
    "Overfitting in adversarially robust deep learning",
    2020,
    "https://arxiv.org/abs/2002.11569",
)
_SALMAN = Paper(
    "Hadi Salman, Andrew Ilyas, Logan Engstrom, Ashish Kapoor, Aleksander Madry",
    "Do Adversarially Robust ImageNet Models Transfer Better?",
    2020,
    "https://arxiv.org/abs/2007.08489",
)
_WANG = Paper(
    "Zekai Wang, Tianyu Pang, Chao Du, Min Lin, Weiwei Liu, Shuicheng Yan",
    "Better Diffusion Models Further Improve Adversarial Training",
    2023,
    "https://arxiv.org/abs/2302.04638",
)
_BARTOLDSON = Paper(
    "Brian Bartoldson, James Diffenderfer, Konstantinos Parasyris, Bhavya Kailkhura",
    "Adversarial Robustness Limits via Scaling-Law and Human-Alignment Studies",
    2024,
    "https://arxiv.org/abs/2404.09349",
)
_ROBUSTBENCH = "https://github.com/RobustBench/robustbench"


def _cifar10(
    name: str,
    architecture: str,
    paper: Paper,
    clean: float | None,
    robust: float | None,
    published: str,
    **others: Any,
) -> ZooEntry:
    facts: dict[str, Any] = {
        "normalization": _CIFAR10,
        "state_key": None,
        "prefix": "",
        "threat": "Linf 8/255",
        "claimed_by": "RobustBench",
    }
    return ZooEntry(
        name=name,
        dataset="cifar10",
        architecture=architecture,
        num_classes=10,
        input_shape=(32, 32, 3),
        clean=clean,
        robust=robust,
        paper=paper,
        published=published,
        **(facts | others),
    )


def _salman(name: str, architecture: str, clean: float, robust: float) -> ZooEntry:
    return ZooEntry(
        name=name,
        dataset="imagenet",
        architecture=architecture,
        num_classes=1000,
        input_shape=(224, 224, 3),
        normalization=_IMAGENET_MADRYLAB,
        state_key="model",
        prefix="module.model.",
        threat="Linf 4/255",
        clean=clean,
        robust=robust,
        claimed_by="RobustBench",
        paper=_SALMAN,
        published="https://github.com/microsoft/robust-models-transfer",
        file=f"{architecture}_linf_eps4.0.ckpt",
    )


_ENTRIES = (
    _cifar10(
        "rice2020_wrn34_10",
        "wide_resnet34_10",
        _RICE,
        None,
        None,
        "https://github.com/locuslab/robust_overfitting",
        prefix="module.",
        claimed_by=None,  # RobustBench lists the network of twice its width
        file="cifar10_wide10_linf_eps8.pth",
    ),
    _cifar10(
        "rice2020_wrn34_20",
        "wide_resnet34_20",
        _RICE,
        85.34,
        53.42,
        "https://github.com/locuslab/robust_overfitting",
        prefix="module.",
    ),
    _cifar10(
        "engstrom2019_r50",
        "cifar_resnet50",
        Paper(
            "Logan Engstrom, Andrew Ilyas, Shibani Santurkar, Dimitris Tsipras",
            "Robustness (Python Library)",
            2019,
            "https://github.com/MadryLab/robustness",
        ),
        87.03,
        49.25,
        "https://github.com/MadryLab/robustness",
        normalization=_CIFAR10_MADRYLAB,
        state_key="state_dict",
        prefix="module.model.",
        file="cifar_linf_8.pt",
    ),
    _cifar10(
        "zhang2019_trades_wrn34_10",
        "wide_resnet34_10",
        Paper(
            "Hongyang Zhang, Yaodong Yu, Jiantao Jiao, Eric P. Xing, Laurent El Ghaoui, "
            "Michael I. Jordan",
            "Theoretically Principled Trade-off between Robustness and Accuracy",
            2019,
            "https://arxiv.org/abs/1901.08573",
        ),
        84.92,
        53.08,
        "https://github.com/yaodongyu/TRADES",
        normalization=None,
        threat="Linf 0.031",
        file="model_cifar_wrn.pt",
    ),
    _cifar10(
        "carmon2019_wrn28_10",
        "wide_resnet28_10",
        Paper(
            "Yair Carmon, Aditi Raghunathan, Ludwig Schmidt, Percy Liang, John C. Duchi",
            "Unlabeled Data Improves Adversarial Robustness",
            2019,
            "https://arxiv.org/abs/1905.13736",
        ),
        89.69,
        59.53,
        "https://github.com/yaircarmon/semisup-adv",
        normalization=None,
        state_key="state_dict",
        prefix="module.",
    ),
    _cifar10(
        "wong2020_preact_r18",
        "preact_resnet18_wong",
        Paper(
            "Eric Wong, Leslie Rice, J. Zico Kolter",
            "Fast is better than free: Revisiting adversarial training",
            2020,
            "https://arxiv.org/abs/2001.03994",
        ),
        83.34,
        43.21,
        "https://github.com/locuslab/fast_adversarial",
    ),
    _cifar10(
        "rebuffi2021_preact_r18",
        "deepmind_preact_resnet18",
        Paper(
            "Sylvestre-Alvise Rebuffi, Sven Gowal, Dan A. Calian, Florian Stimberg, Olivia Wiles, "
            "Timothy Mann",
            "Fixing Data Augmentation to Improve Adversarial Robustness",
            2021,
            "https://arxiv.org/abs/2103.01946",
        ),
        83.53,
        56.66,
        _ROBUSTBENCH,
    ),
    _cifar10(
        "rade2021_preact_r18",
        "deepmind_preact_resnet18",
        Paper(
            "Rahul Rade, Seyed-Mohsen Moosavi-Dezfooli",
            "Helper-based Adversarial Training: Reducing Excessive Margin to Achieve a Better "
            "Accuracy vs. Robustness Trade-off",
            2021,
            "https://openreview.net/forum?id=BuD2LmNaU3a",
        ),
        89.02,
        57.67,
        _ROBUSTBENCH,
    ),
    _cifar10(
        "wang2023_wrn28_10",
        "deepmind_wide_resnet28_10",
        _WANG,
        92.44,
        67.31,
        "https://github.com/wzekai99/DM-Improves-AT",
        state_key="model_state_dict",
        prefix="module.0.",
        file="cifar10_linf_wrn28-10.pt",
    ),
    _cifar10(
        "wang2023_wrn70_16",
        "deepmind_wide_resnet70_16",
        _WANG,
        93.25,
        70.69,
        "https://github.com/wzekai99/DM-Improves-AT",
        state_key="model_state_dict",
        prefix="module.0.",
        file="cifar10_linf_wrn70-16.pt",
    ),
    _cifar10(
        "bartoldson2024_wrn82_8",
        "deepmind_wide_resnet82_8",
        _BARTOLDSON,
        93.11,
        71.59,
        _ROBUSTBENCH,
    ),
    _cifar10(
        "bartoldson2024_wrn94_16",
        "deepmind_wide_resnet94_16",
        _BARTOLDSON,
        93.68,
        73.71,
        _ROBUSTBENCH,
    ),
    _salman("salman2020_r18", "resnet18", 52.92, 25.32),
    _salman("salman2020_r50", "resnet50", 64.02, 34.96),
    _salman("salman2020_wrn50_2", "wide_resnet50_2", 68.46, 38.14),
)

ZOO: dict[str, ZooEntry] = {entry.name: entry for entry in _ENTRIES}
"""The entries by name."""


def zoo_entry(name: str) -> ZooEntry:
    """Returns an entry of the zoo.

    Raises:
        TeacherError: there is no entry of that name.
    """
    if name not in ZOO:
        raise TeacherError(
            f"the zoo has no {name!r}{did_you_mean(name, ZOO, 0.5)}: give one of {', '.join(ZOO)}."
        )
    return ZOO[name]
