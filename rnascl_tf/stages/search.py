"""Search stage: supernet and tutors by eq. 1 and eq. 2; writes `DIR/search/architecture.json`."""

import dataclasses

import numpy as np
from absl import logging

from rnascl_tf.data import evaluation_batches
from rnascl_tf.networks import (
    ArchitectureError,
    build_student,
    build_supernet,
    chosen_filters,
    decode,
    decode_latency,
    describe,
    filter_log_probabilities,
    read_architecture,
    read_latency_table,
    student_taps,
    write_architecture,
)
from rnascl_tf.objectives import cost_model
from rnascl_tf.runs.latency_target import note_predicted, warn_of_table
from rnascl_tf.runs.method import control_tutors
from rnascl_tf.runs.signals import taught_stream
from rnascl_tf.stages.student_training import check_fit
from rnascl_tf.training import (
    DiagnosticsLog,
    SearchModel,
    TemperatureAnnealing,
    architecture_optimizer,
    batch_norm_momentum,
    fit,
    one_hot_tutors,
    weight_optimizer,
)

BUDGET_TOLERANCE = 0.03
"""How far from `search.target_macs` or `search.target_ms` the student may be."""


def run(run):
    """Searches, or takes the config's architecture, and writes what was found."""
    given = run.config.search.architecture
    architecture = _given(run, given) if given else _searched(run)
    write_architecture(architecture, run.folder("search") / "architecture.json")
    run.record["architecture"] = dataclasses.asdict(architecture)


def _searched(run):
    settings, dataset = run.config.search, run.dataset
    if settings.cost == "latency":
        warn_of_table(run.config)
    stream, steps_per_epoch, signals = taught_stream(run, "search", settings.epochs)
    model = search_model(run, signals, steps_per_epoch)
    folder = run.folder("search")
    run.record["history"]["search"] = fit(
        model,
        stream,
        evaluation_batches(dataset.validation, run.config.data.batch_size),
        epochs=settings.epochs,
        steps_per_epoch=steps_per_epoch,
        folder=folder,
        batch_norm=run.config.replicas.batch_norm,
        stage="search",
        section="search",
        callbacks=[
            TemperatureAnnealing(settings.epochs),
            DiagnosticsLog(folder / "diagnostics.npz"),
        ],
    )
    filters = _filters(run, model)
    if settings.cost == "latency":
        note_predicted(run, filters)
    return _describe(run, filters, chosen_tutors(model), run.config.seed)


def _filters(run, model):
    """Returns the most probable filters, under the budget if there is one; says what that changed."""
    settings, dataset = run.config.search, run.dataset
    probabilities = filter_log_probabilities(model.supernet)
    if settings.target_macs is not None:
        target, unit = settings.target_macs, "MACs"
        decoded = decode(
            run.space,
            probabilities,
            dataset.num_classes,
            dataset.input_shape,
            target,
            tolerance=BUDGET_TOLERANCE,
        )
    elif settings.target_ms is not None:
        target, unit = settings.target_ms, "ms"
        table = read_latency_table(settings.latency_table)
        decoded = decode_latency(
            run.space, probabilities, table, target, tolerance=BUDGET_TOLERANCE
        )
    else:
        return chosen_filters(model.supernet, run.space)
    if abs(decoded.cost / target - 1) > BUDGET_TOLERANCE:
        logging.warning("search: no student of %s is within 3%% of the target", run.space.name)
    if decoded.filters != decoded.unconstrained_filters:
        logging.info(
            "search: the most probable student has %s %s (%+.1f%% of the target %s); taken "
            "instead: %s (%+.1f%%), log-probability lower by %.2f",
            _shown(decoded.unconstrained_cost),
            unit,
            100 * (decoded.unconstrained_cost / target - 1),
            _shown(target),
            _shown(decoded.cost),
            100 * (decoded.cost / target - 1),
            decoded.log_probability_given_up,
        )
    return decoded.filters


def _shown(cost):
    return f"{cost:,}" if isinstance(cost, int) else f"{cost:.4g}"


def _given(run, path):
    """Returns an architecture from a file, its tutors replaced by the config's control, if any."""
    found = read_architecture(path)
    if found.space != run.space.name:
        raise ArchitectureError(
            f"{path} is a student of space {found.space}: give --config.search.space={found.space}."
        )
    if found.activation != run.config.search.activation:
        raise ArchitectureError(
            f"{path} is a student with {found.activation}: give --config.search.activation="
            f"{found.activation}."
        )
    check_fit(run, found)
    plain = _describe(run, found.filters, [], found.seed)
    taps = tuple(student_taps(build_student(plain)).output["taps"])
    tutors = control_tutors(run.config, taps, run.teacher.tap_names)
    if tutors == "search":
        known = {tutor["student"]: tutor["teacher"] for tutor in found.tutors}
        one_hot_tutors(taps, run.teacher.tap_names, known)  # refuses another teacher's tutors
        return found
    return _describe(run, found.filters, _certain(tutors or {}), found.seed)


def _describe(run, filters, tutors, seed):
    dataset = run.dataset
    return describe(
        run.space,
        filters,
        tutors,
        dataset.num_classes,
        dataset.input_shape,
        seed,
        run.config.search.activation,
    )


def search_model(run, signals, steps_per_epoch):
    """Returns the compiled search model of a config."""
    settings, dataset = run.config.search, run.dataset
    supernet = build_supernet(
        run.space,
        dataset.num_classes,
        dataset.input_shape,
        activation=settings.activation,
        momentum=batch_norm_momentum(settings, steps_per_epoch),
        noise=settings.noise,
        seed=run.config.seed,
    )
    model = SearchModel(
        supernet,
        signals,
        cost_model(
            settings.cost,
            run.space,
            dataset.num_classes,
            dataset.input_shape,
            settings.target_ms if settings.cost == "latency" else settings.target_macs,
            read_latency_table(settings.latency_table) if settings.cost == "latency" else None,
        ),
        attention_size=settings.attention_size,
        gamma=settings.gamma,
        kl=run.config.method.kl,
        tutors=control_tutors(run.config, tuple(supernet.output["taps"]), signals.teacher_layers),
        noise=settings.noise,
        seed=run.config.seed * 1000 + 999,  # behind the supernet's, one for each block
    )
    model.compile(
        weight_optimizer(settings, steps_per_epoch),
        architecture_optimizer(settings.architecture_learning_rate),
    )
    return model


def chosen_tutors(model):
    """Returns j* = argmax_j of every student layer, with its probability, for architecture.json."""
    if model.tutors is None:
        return _certain(model.fixed_tutors or {})
    probabilities = np.asarray(model.tutors.probabilities())
    return [
        {
            "student": student,
            "teacher": model.signals.teacher_layers[int(row.argmax())],
            "probability": float(row.max()),
        }
        for student, row in zip(model.student_layers, probabilities, strict=True)
    ]


def _certain(tutors):
    return [
        {"student": student, "teacher": teacher, "probability": 1.0}
        for student, teacher in tutors.items()
    ]
