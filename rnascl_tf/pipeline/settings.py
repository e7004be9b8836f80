"""Checks of a config's values, before any work: the names and types are already ml_collections'."""

from absl import logging
from ml_collections import ConfigDict

from rnascl_tf.errors import UserError
from rnascl_tf.files import why_unwritable
from rnascl_tf.networks import (
    SEARCH_SPACES,
    LatencyBudget,
    MacsBudget,
    SearchProblem,
    read_architecture,
    read_latency_table,
)
from rnascl_tf.recipes import config_value
from rnascl_tf.recipes.choices import CHOICES
from rnascl_tf.robustness import RobustnessError, ThreatModel, attack_named, parse_epsilon
from rnascl_tf.robustness.attacks.requested_attack import parse_attack
from rnascl_tf.robustness.guard import check_norm, check_norms
from rnascl_tf.spelling import did_you_mean

_AT_LEAST_ONE = (
    "data.batch_size",
    "teacher.epochs",
    "teacher.attack_steps",
    "teacher.verify_examples",
    "teacher.evaluate_examples",
    "search.epochs",
    "search.attention_size",
    "train.epochs",
    "trades.epochs",
    "trades.attack_steps",
    "evaluate.examples",
    "evaluate.batch_size",
    "export.examples",
    "export.threads",
    "export.runs",
    "export.calibration_examples",
    "export.square_queries",
)
_POSITIVE = (
    "teacher.learning_rate",
    "teacher.attack_step_size",
    "search.learning_rate",
    "search.architecture_learning_rate",
    "train.learning_rate",
    "trades.learning_rate",
    "trades.attack_step_size",
)
_NOT_NEGATIVE = (
    "data.crop_padding",
    "seed",
    "search.gamma",
    "train.gamma",
    "evaluate.masking_examples",
    "export.square_examples",
)
_TRAININGS = ("teacher", "search", "train", "trades")
_NOT_NEGATIVE += ("teacher.beta", "trades.beta", *(f"{stage}.l2" for stage in _TRAININGS))
_FRACTIONS = ("teacher.weight_average", *(f"{stage}.momentum" for stage in _TRAININGS))
_SMALLEST_BATCH = 3
"""Below it the 20% part of a batch, on which the architecture learns, would be empty."""


def check(config):
    """Raises UserError at the first value that no stage could use, naming its key.

    Lists of names may come as one text with commas; they are split here.
    """
    config.evaluate.attacks = _names("evaluate.attacks", config.evaluate.attacks)
    config.export.kinds = _names("export.kinds", config.export.kinds)
    config.export.transferred = _names("export.transferred", config.export.transferred)
    for keys, accepts, wanted in (
        (_AT_LEAST_ONE, lambda value: value >= 1, "at least 1"),
        (_POSITIVE, lambda value: value > 0, "above 0"),
        (_NOT_NEGATIVE, lambda value: value >= 0, "0 or more"),
        (_FRACTIONS, lambda value: 0 <= value < 1, "at least 0 and below 1"),
        (
            ("data.batch_size",),
            lambda value: value >= _SMALLEST_BATCH,
            f"{_SMALLEST_BATCH} or more",
        ),
    ):
        for key in keys:
            if not accepts(config_value(config, key)):
                raise UserError(f"--config.{key}={config_value(config, key)} should be {wanted}.")
    for key, choices in {**CHOICES, "search.space": tuple(SEARCH_SPACES)}.items():
        value = config_value(config, key)
        for name in value if isinstance(value, tuple) else (value,):
            _check_choice(key, name, choices)
    threat_model = _threat_model(config.threat)
    for attack in config.evaluate.attacks:
        try:
            name, _ = parse_attack(attack, threat_model)
            check_norms([name], config.evaluate.budget, threat_model)
        except RobustnessError as error:
            raise UserError(f"--config.evaluate.attacks: {error}") from error
    for name in config.export.transferred:
        try:
            check_norm(attack_named(name), threat_model)
        except (RobustnessError, AttributeError) as error:
            raise UserError(
                f"--config.export.transferred={name}: give attacks with gradients for the norm "
                f"{threat_model.norm}, as pgd20 or cw."
            ) from error
    for stage in _TRAININGS:
        momentum = config[stage].batch_norm_momentum
        if momentum is not None and not 0 <= momentum < 1:
            raise UserError(
                f"--config.{stage}.batch_norm_momentum={momentum} should be at least 0 and below 1."
            )
    patience = config.teacher.patience
    if patience is not None and patience < 1:
        raise UserError(
            f"--config.teacher.patience={patience} should be at least 1 epoch (or None: all epochs "
            "are trained and the last one is taken)."
        )
    if len(config.teacher.mean) != len(config.teacher.std):
        raise UserError(
            "--config.teacher.mean and --config.teacher.std need one number per channel each, got "
            f"{tuple(config.teacher.mean)} and {tuple(config.teacher.std)}."
        )
    if config.search.architecture:
        read_architecture(config.search.architecture)  # refused now, and not after the teacher
        if config.search.target_macs is not None:
            raise UserError(
                "--config.search.target_macs steers a search, and --config.search.architecture takes "
                "its result from a file: give one of the two."
            )
    _check_latency(config.search)
    _check_writable("signals.store", config.signals.store)
    widths, blocks = config.teacher.widths, config.teacher.blocks
    if not all(_are_counts(values) for values in (widths, blocks)) or len(widths) != len(blocks):
        raise UserError(
            "--config.teacher.widths and --config.teacher.blocks need one number of at least 1 for "
            f"each stage, got {tuple(widths)} and {tuple(blocks)}."
        )
    if threat_model.epsilon == 0 and (not config.teacher.onnx or config.trades.enabled):
        raise UserError(
            "--config.threat.epsilon=0 leaves nothing to train against: give one above 0, or an ONNX "
            "teacher and --config.trades.enabled=false."
        )


def _threat_model(threat: ConfigDict) -> ThreatModel:
    try:
        threat_model = ThreatModel(parse_epsilon(threat.epsilon), threat.norm)
    except RobustnessError as error:
        raise UserError(f"--config.threat.epsilon={threat.epsilon}: {error}") from error
    if threat.norm == "l2" and "/255" in str(threat.epsilon):
        logging.warning(
            "--config.threat.epsilon=%s is small for L2, which sums the squares of all changes; 0.5 is "
            "usual for images of 32x32",
            threat.epsilon,
        )
    return threat_model


def check_replicas(config, replicas):
    """Raises UserError where a training batch cannot be shared equally by the replicas."""
    size = config.data.batch_size
    if size % replicas or size // replicas < _SMALLEST_BATCH:
        below = max(size - size % replicas, _SMALLEST_BATCH * replicas)
        raise UserError(
            f"--config.data.batch_size={size} does not divide by {replicas} replicas into parts of "
            f"{_SMALLEST_BATCH} or more: give {below}"
            + (f" or {below + replicas}" if below < size else "")
            + ", or take one of them, --strategy=one_device."
        )


def check_data(config, dataset):
    """Raises UserError where the config wants what the data set does not have."""
    too_many = [
        (key, available, split)
        for key, available, split in (
            ("data.batch_size", len(dataset.train), "training"),
            ("teacher.evaluate_examples", len(dataset.test), "test"),
            ("evaluate.examples", len(dataset.test), "test"),
            ("export.examples", len(dataset.test), "test"),
        )
        if config_value(config, key) > available
    ]
    if too_many:
        wishes = " ".join(f"--config.{key}={config_value(config, key)}" for key, _, _ in too_many)
        limits = " ".join(f"--config.{key}={available}" for key, available, _ in too_many)
        found = " and ".join(dict.fromkeys(f"{n} {split}" for _, n, split in too_many))
        raise UserError(
            f"{wishes}, but {dataset.name} has {found} images here: give at most {limits}."
        )
    if config.search.cost == "latency":
        read_latency_table(config.search.latency_table).check_fits(
            num_classes=dataset.num_classes, input_shape=dataset.input_shape
        )
    if config.search.target_macs is not None:
        space = SEARCH_SPACES[config.search.space]
        problem = SearchProblem(space, dataset.num_classes, dataset.input_shape)
        MacsBudget(problem).check(config.search.target_macs)


def _check_latency(search):
    """Refuses a table without its cost model, two targets, and a table of something else."""
    wants_table = search.cost == "latency"
    if wants_table != bool(search.latency_table):
        raise UserError(
            "--config.search.cost=latency and --config.search.latency_table=FILE go together: give "
            "both (rnascl latency-table measures the file) or neither."
        )
    wrong = "target_macs" if wants_table else "target_ms"
    if search[wrong] is not None:
        fix = (
            "give --config.search.target_ms"
            if wants_table
            else "give --config.search.cost=latency and --config.search.latency_table=FILE with it, or "
            "--config.search.target_macs instead"
        )
        raise UserError(
            f"--config.search.{wrong} says nothing with --config.search.cost={search.cost}: {fix}."
        )
    if search.architecture and search.target_ms is not None:
        raise UserError(
            "--config.search.target_ms steers a search, and --config.search.architecture takes its "
            "result from a file: give one of the two."
        )
    if wants_table:
        table = read_latency_table(search.latency_table)
        table.check_fits(space=search.space, activation=search.activation)
        if search.target_ms is not None:
            LatencyBudget(table).check(search.target_ms)


def _check_writable(key, folder):
    """Refuses a folder that cannot be made or written to; an empty one is none."""
    reason = why_unwritable(folder) if folder else None
    if reason is not None:
        raise UserError(f"--config.{key}={folder}: {reason}; give another folder.")


def _names(key, values):
    if not values or not all(isinstance(value, str) for value in values):
        raise UserError(f"--config.{key} needs at least one name, got {tuple(values)}.")
    return tuple(name.strip() for value in values for name in value.split(","))


def _are_counts(values):
    return bool(values) and all(isinstance(value, int) and value >= 1 for value in values)


def _check_choice(key, value, choices):
    if value not in choices:
        raise UserError(
            f"--config.{key} has no {value!r}{did_you_mean(value, choices)}: give one of "
            f"{', '.join(map(str, choices))}."
        )
