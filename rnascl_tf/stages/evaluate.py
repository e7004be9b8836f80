"""Evaluate stage: every trained student under the same attacks on the same test images.

What each attack has found is kept per image in `DIR/evaluate/`, so that a stopped stage resumes. Each
student also gets a verdict on masked gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_collections import ConfigDict

from rnascl_tf import data, report, robustness, runs, stages
from rnascl_tf.console import progress
from rnascl_tf.errors import UserError
from rnascl_tf.files import write_json
from rnascl_tf.recipes.rules import AT_LEAST_0, AT_LEAST_1, check_values, split_names
from rnascl_tf.stages.stage import Stage

if TYPE_CHECKING:
    import keras

    from rnascl_tf.robustness.attacker import OnBatch


def run(run: runs.Run) -> None:
    """Attacks every trained student; writes `DIR/evaluate/robustness.json` and `masking.json`.

    With `evaluate.sweep` also `sweep.csv` and `sweep.png`, which include the teacher.
    """
    settings = run.config.evaluate
    examples = run.dataset.test.evenly_spaced(settings.examples)
    trained = stages.student_stages()
    models = {
        name: run.student(stage.name)
        for name, stage in trained.items()
        if stage.enabled(run.config)
    }
    folder = run.folder("evaluate")
    results: dict[str, Any] = {}
    for name, model in models.items():
        with progress(f"evaluate {name}") as on_batch:
            results[name] = measure(run, model, examples, on_batch, folder / name)
    write_json(folder / "robustness.json", results)
    run.record["masking"] = _masking(run, models, folder)
    write_json(folder / "masking.json", run.record["masking"])
    if settings.sweep:
        _sweep(run, models, examples, folder)
    # Removed first: a student may be disabled since, and the order is that of the columns.
    for name in trained:
        run.record["robustness"].pop(name, None)
    run.record["robustness"] |= results


def measure(
    run: runs.Run,
    model: keras.Model,
    examples: data.LabelledImages,
    on_batch: OnBatch,
    state: Path | None = None,
) -> dict[str, Any]:
    """Returns {attack as the config names it: result}, "pgd20@2/255" at its own epsilon.

    Args:
        run: a `Run`.
        model: a Keras model, images -> logits.
        examples: the attacked `Examples`.
        on_batch: as for `robustness.evaluate`.
        state: path without suffix, with which the files of each epsilon's outcomes begin; None: the
            outcomes are not kept.
    """
    settings = run.config.evaluate
    groups: dict[robustness.ThreatModel, dict[str, Any]] = {}
    for text in settings.attacks:
        attack, threat_model = robustness.parse_attack(text, run.threat_model)
        groups.setdefault(threat_model, {})[text] = attack
    results: dict[str, Any] = {}
    # One call for each epsilon: each call begins with the guard and the clean predictions.
    for threat_model, attacks in groups.items():
        measured = robustness.evaluate(
            model,
            examples.as_float(),
            examples.labels,
            threat_model,
            list(dict.fromkeys(attacks.values())),
            budget=settings.budget,
            state=state and state.with_name(f"{state.name}_{threat_model.epsilon:.6f}.npz"),
            batch_size=settings.batch_size,
            seed=run.config.seed,
            strategy=run.devices.strategy,
            on_batch=_as_requested(on_batch, attacks),
        )
        results |= {text: measured[attack] for text, attack in attacks.items()}
    return {text: results[text] for text in settings.attacks}


def _masking(run: runs.Run, models: Mapping[str, keras.Model], folder: Path) -> dict[str, Any]:
    """Returns {model: the verdict's record}; empty without images or epsilon."""
    count = min(run.config.evaluate.masking_examples, len(run.dataset.test))
    if not count or run.threat_model.epsilon == 0.0:
        return {}
    examples = run.dataset.test.evenly_spaced(count)
    verdicts = {}
    for name, model in models.items():
        with progress(f"masking {name}") as on_batch:
            measured = robustness.MaskingMeasurements(
                model,
                examples.as_float(),
                examples.labels,
                run.threat_model,
                teacher=run.teacher.classifier,
                examples=count,
                batch_size=run.config.evaluate.batch_size,
                seed=run.config.seed,
                strategy=run.devices.strategy,
                on_batch=on_batch,
                state=folder / f"masking_{name}",
            )
            verdicts[name] = robustness.masking_verdict(measured).as_record()
    return verdicts


def _sweep(
    run: runs.Run, models: Mapping[str, keras.Model], examples: data.LabelledImages, folder: Path
) -> None:
    from rnascl_tf.robustness.epsilon_sweep import sweep  # its module has the same name

    with progress("sweep") as on_batch:
        curves = sweep(
            {"teacher": run.teacher.classifier, **models},
            examples.as_float(),
            examples.labels,
            run.threat_model,
            batch_size=run.config.evaluate.batch_size,
            seed=run.config.seed,
            strategy=run.devices.strategy,
            on_batch=on_batch,
            state=folder / "sweep",
        )
    curves.write_csv(folder / "sweep.csv")
    report.save_sweep(curves, folder / "sweep.png", stages.model_styles())


def _as_requested(on_batch: OnBatch, attacks: Mapping[str, Any]) -> OnBatch:
    """Reports attacks by the config's names, and the clean pass only if the config names it."""
    texts = {attack: text for text, attack in attacks.items()}

    def on_requested(attack: Any, done: int, total: int) -> None:
        if attack in texts:
            on_batch(texts[attack], done, total)

    return on_requested


def check(config: ConfigDict) -> None:
    """Checks the section `evaluate`; splits its list of attacks at commas."""
    settings = config.evaluate
    check_values(
        config,
        {
            "evaluate.examples": AT_LEAST_1,
            "evaluate.batch_size": AT_LEAST_1,
            "evaluate.masking_examples": AT_LEAST_0,
        },
    )
    settings.attacks = split_names("evaluate.attacks", settings.attacks)
    threat_model = runs.threat_model_of(config)
    for text in settings.attacks:
        try:
            name, _ = robustness.parse_attack(text, threat_model)
            robustness.check_norms([name], settings.budget, threat_model)
        except robustness.RobustnessError as error:
            raise UserError(f"--config.evaluate.attacks: {error}") from error


def estimate(run: runs.Run) -> float:
    """Returns the seconds of the attacks and of the verdicts on masked gradients."""
    settings = run.config.evaluate
    _, model = stages.student_model(run, stages.untrained_student(run), None, 1)
    students = sum(stage.enabled(run.config) for stage in stages.student_stages().values())
    names = [robustness.parse_attack(text, run.threat_model)[0] for text in settings.attacks]
    steps = sum(
        robustness.attack_named(name, settings.budget).steps for name in names if name != "clean"
    )
    # A verdict takes about 300 steps, and Square's queries at a third of a step each.
    images = steps * settings.examples + 600 * settings.masking_examples
    return stages.gradient_seconds(run, model) * images * students


STAGE: Stage = Stage(
    name="evaluate",
    title="attack every student on the same test images",
    run=run,
    sections=("evaluate",),
    reads_students=True,
    on="machine",
    findings=("masking",),
    check=check,
    counts={"evaluate.examples": "test"},
    estimate=estimate,
)
