"""Search stage: supernet and tutors by eq. 1 and eq. 2; writes `DIR/search/architecture.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging
from ml_collections import ConfigDict

from rnascl_tf import data, networks, objectives, runs, stages, training
from rnascl_tf.errors import UserError
from rnascl_tf.recipes.choices import NO_ATTACK
from rnascl_tf.recipes.rules import (
    ABOVE_0,
    AT_LEAST_0,
    AT_LEAST_1,
    check_values,
    optimization_rules,
)
from rnascl_tf.stages.stage import Change, Stage

Filters = Sequence[Sequence[int]]
"""The filters of each block, a list for every network stage."""


def run(run: runs.Run) -> None:
    """Searches, or takes the config's architecture, and writes what was found."""
    given = run.config.search.architecture
    architecture = _given(run, given) if given else _searched(run)
    networks.write_architecture(architecture, run.folder("search") / "architecture.json")
    run.record["architecture"] = architecture.to_json()


def _searched(run: runs.Run) -> networks.Architecture:
    settings = run.config.search
    if settings.cost == "latency":
        runs.warn_of_table(run.config)
    stream, signals = runs.taught_stream(run, "search", settings.epochs)
    model = search_model(run, signals, stream.steps_per_epoch)
    diagnostics = training.DiagnosticsLog(run.folder("search") / "diagnostics.npz")
    annealing = training.TemperatureAnnealing(settings.epochs)
    runs.train_stage(run, "search", model, stream, callbacks=[annealing, diagnostics])
    filters = _filters(run, model)
    if settings.cost == "latency":
        runs.note_predicted(run, filters)
    return _describe(run, filters, chosen_tutors(model), run.config.seed)


def _filters(run: runs.Run, model: training.SearchModel) -> Filters:
    """Returns the most probable filters, within the budget if there is one; logs what that changed."""
    target, table = _target(run.config.search)
    if target is None:
        return networks.chosen_filters(model.supernet, run.space)
    budget = networks.MacsBudget(run.problem) if table is None else networks.LatencyBudget(table)
    decoded = budget.decode(networks.filter_log_probabilities(model.supernet), target)
    if abs(decoded.cost / target - 1) > networks.BUDGET_TOLERANCE:
        logging.warning(
            "search: no student of %s is within %.0f%% of the target",
            run.space.name,
            100 * networks.BUDGET_TOLERANCE,
        )
    if decoded.filters != decoded.unconstrained_filters:
        logging.info(
            "search: the most probable student costs %s (%+.1f%% of the target %s); taken "
            "instead: %s (%+.1f%%), log-probability lower by %.2f",
            budget.text(decoded.unconstrained_cost),
            100 * (decoded.unconstrained_cost / target - 1),
            budget.text(target),
            budget.text(decoded.cost),
            100 * (decoded.cost / target - 1),
            decoded.log_probability_given_up,
        )
    return decoded.filters


def _target(settings: ConfigDict) -> tuple[float | None, networks.LatencyTable | None]:
    """Returns the target, if there is one, and the latency table, if the search is priced by one."""
    if settings.cost != "latency":
        return settings.target_macs, None
    return settings.target_ms, networks.read_latency_table(settings.latency_table)


def _given(run: runs.Run, path: str) -> networks.Architecture:
    """Returns an architecture from a file; a control of the config replaces its tutors."""
    found = networks.read_architecture(path)
    if found.space != run.space.name:
        raise networks.ArchitectureError(
            f"{path} is a student of space {found.space}: give --config.search.space={found.space}."
        )
    if found.activation != run.config.search.activation:
        raise networks.ArchitectureError(
            f"{path} is a student with {found.activation}: give --config.search.activation="
            f"{found.activation}."
        )
    stages.check_fit(run, found)
    plain = _describe(run, found.filters, [], found.seed)
    taps = tuple(networks.student_taps(networks.build_student(plain)).output["taps"])
    tutors = runs.control_tutors(run.config, taps, run.teacher.tap_names)
    if tutors == "search":
        # Refuses another teacher's tutors.
        training.one_hot_tutors(taps, run.teacher.tap_names, found.teacher_taps)
        return found
    return _describe(run, found.filters, _certain(tutors or {}), found.seed)


def _describe(
    run: runs.Run, filters: Filters, tutors: list[networks.Tutor], seed: int
) -> networks.Architecture:
    return networks.describe(run.problem, filters, tutors, seed, run.config.search.activation)


def search_model(
    run: runs.Run, signals: training.TeacherSignals, steps_per_epoch: int
) -> training.SearchModel:
    """Returns the compiled search model of a config."""
    settings, dataset = run.config.search, run.dataset
    supernet = networks.build_supernet(
        run.space,
        dataset.num_classes,
        dataset.input_shape,
        activation=settings.activation,
        momentum=training.batch_norm_momentum(settings, steps_per_epoch),
        noise=settings.noise,
        seed=run.config.seed,
    )
    model = training.SearchModel(
        supernet,
        signals,
        objectives.cost_model(settings.cost, run.problem, *_target(settings)),
        attention_size=settings.attention_size,
        gamma=settings.gamma,
        kl=run.config.method.kl,
        kl_first=run.config.method.kl_first,
        hardening=training.hardening_of(settings, run.threat_model, run.config.seed),
        tutors=runs.control_tutors(
            run.config, tuple(supernet.output["taps"]), signals.teacher_layers
        ),
        noise=settings.noise,
        seed=run.config.seed * 1000 + 999,  # after the supernet's, one for each block
    )
    model.compile(
        training.weight_optimizer(settings, steps_per_epoch),
        training.architecture_optimizer(settings.architecture_learning_rate),
    )
    return model


def chosen_tutors(model: training.SearchModel) -> list[networks.Tutor]:
    """Returns j* = argmax_j of every student layer, with its probability, for architecture.json."""
    if model.tutors is None:
        return _certain(model.fixed_tutors or {})
    probabilities = np.asarray(model.tutors.probabilities())
    return [
        networks.Tutor(student, model.signals.teacher_layers[int(row.argmax())], float(row.max()))
        for student, row in zip(model.student_layers, probabilities, strict=True)
    ]


def _certain(tutors: Mapping[str, str]) -> list[networks.Tutor]:
    return [networks.Tutor(student, teacher, 1.0) for student, teacher in tutors.items()]


def check(config: ConfigDict) -> None:
    """Checks the section `search`, and reads the files that it names."""
    settings = config.search
    check_values(
        config,
        {
            **optimization_rules("search"),
            "search.attention_size": AT_LEAST_1,
            "search.architecture_learning_rate": ABOVE_0,
            "search.gamma": AT_LEAST_0,
            **stages.attack_rules("search"),
        },
    )
    if settings.attack != NO_ATTACK:
        runs.require_epsilon(config, "--config.search.attack=none")
    if settings.architecture:
        networks.read_architecture(settings.architecture)  # refused now, and not after the teacher
        for target in ("target_macs", "target_ms"):
            if settings[target] is not None:
                raise UserError(
                    f"--config.search.{target} steers a search, and --config.search.architecture "
                    "takes its result from a file: give one of the two."
                )
    _check_latency(settings)


def _check_latency(settings: ConfigDict) -> None:
    """Refuses a table without its cost model, a target in another unit, a table that does not fit."""
    wants_table = settings.cost == "latency"
    if wants_table != bool(settings.latency_table):
        raise UserError(
            "--config.search.cost=latency and --config.search.latency_table=FILE go together: give "
            "both (rnascl latency-table measures the file) or neither."
        )
    wrong = "target_macs" if wants_table else "target_ms"
    if settings[wrong] is not None:
        fix = (
            "give --config.search.target_ms"
            if wants_table
            else "give --config.search.cost=latency and --config.search.latency_table=FILE with it, or "
            "--config.search.target_macs instead"
        )
        raise UserError(
            f"--config.search.{wrong} says nothing with --config.search.cost={settings.cost}: {fix}."
        )
    if wants_table:
        table = networks.read_latency_table(settings.latency_table)
        table.check_fits(space=settings.space, activation=settings.activation)
        if settings.target_ms is not None:
            networks.LatencyBudget(table).check(settings.target_ms)


def check_data(config: ConfigDict, dataset: data.DataSet) -> None:
    """Checks that the latency table is of such images, and that the target can be reached."""
    settings = config.search
    if settings.cost == "latency":
        networks.read_latency_table(settings.latency_table).check_fits(
            num_classes=dataset.num_classes, input_shape=dataset.input_shape
        )
    if settings.target_macs is not None:
        space = networks.SEARCH_SPACES[settings.space]
        problem = networks.SearchProblem(space, dataset.num_classes, dataset.input_shape)
        networks.MacsBudget(problem).check(settings.target_macs)


def estimate(run: runs.Run) -> float:
    """Returns the search's seconds, with those of the teacher's signals of fixed views."""
    if run.config.search.architecture:
        return 0.0
    steps_per_epoch = runs.training_stream(run).steps_per_epoch
    signals = stages.untrained_signals(run)
    once = stages.view_seconds(run, signals)
    model = search_model(run, signals, steps_per_epoch)
    return once + stages.training_seconds(run, model, run.config.search.epochs)


def keeps_result(run: runs.Run, change: Change) -> bool:
    """Whether nothing was searched in either config, or the architecture only lies elsewhere."""
    if change.key == "search.architecture":
        return bool(change.old and change.new) and _is_the_same(run, change.new)
    if change.key == "signals.views":
        return bool(run.config.search.architecture)  # a change of which would count by itself
    section, _, name = change.key.partition(".")
    if section != "search" or name in ("space", "attention_size"):
        return False
    return bool(change.section_before["architecture"] and change.section_now["architecture"])


def _is_the_same(run: runs.Run, path: str) -> bool:
    """Whether a file holds the architecture that the run has taken."""
    taken = run.record.get("architecture")
    if taken is None:
        return False
    found = networks.read_architecture(path)
    tutors_matter = run.config.method.tutor == "search" and taken["tutors"]
    return found.filters == taken["filters"] and (
        not tutors_matter or found.to_json()["tutors"] == taken["tutors"]
    )


STAGE: Stage = Stage(
    name="search",
    title="search the student's architecture and its tutors",
    run=run,
    sections=("search", "method", "signals"),
    after=("teacher",),
    findings=("architecture", "latency_table", "search_diagnostics"),
    check=check,
    check_data=check_data,
    estimate=estimate,
    keeps_result=keeps_result,
)
