"""Evaluate stage: every trained student under the same attacks on the same test images.

What each attack has found so far is kept per image in `DIR/evaluate/`, so that a stopped stage goes
on where it was. A verdict on masked gradients belongs to every student's numbers.
"""

from rnascl_tf.console import progress
from rnascl_tf.files import write_json
from rnascl_tf.report.sweep_plot import save_sweep
from rnascl_tf.robustness import evaluate
from rnascl_tf.robustness.attacks.requested_attack import parse_attack
from rnascl_tf.robustness.masking.checks import masking_verdict
from rnascl_tf.robustness.masking.measure import Measure
from rnascl_tf.robustness.sweep import sweep

STUDENTS = {"student": "train", "trades": "trades", "baseline": "baseline"}
"""The models' names in the record, and the stages that have trained them."""


def run(run):
    """Attacks every trained student; writes `DIR/evaluate/robustness.json` and `masking.json`.

    With `evaluate.sweep` also `sweep.csv` and `sweep.png`, the teacher's curves among them.
    """
    settings = run.config.evaluate
    examples = run.dataset.test.evenly_spaced(settings.examples)
    models = {
        name: run.student(stage)
        for name, stage in STUDENTS.items()
        if stage == "train" or run.config[stage].enabled
    }
    folder = run.folder("evaluate")
    results = {}
    for name, model in models.items():
        with progress(f"evaluate {name}") as on_batch:
            results[name] = measure(run, model, examples, on_batch, folder / name)
    write_json(folder / "robustness.json", results)
    run.record["masking"] = _masking(run, models, folder)
    write_json(folder / "masking.json", run.record["masking"])
    if settings.sweep:
        _sweep(run, models, examples, folder)
    # Also of a run in which a student was still enabled, and for the order of the columns.
    for name in STUDENTS:
        run.record["robustness"].pop(name, None)
    run.record["robustness"] |= results


def measure(run, model, examples, on_batch, state=None):
    """Returns {attack as the config names it: result}, "pgd20@2/255" at its own epsilon.

    Args:
        run: a `Run`.
        model: a Keras model, images -> logits.
        examples: the attacked `Examples`.
        on_batch: as for `robustness.evaluate`.
        state: path without suffix; each epsilon's outcomes are kept in a file of that beginning.
            None to keep none.
    """
    settings = run.config.evaluate
    groups = {}
    for text in settings.attacks:
        attack, threat_model = parse_attack(text, run.threat_model)
        groups.setdefault(threat_model, {})[text] = attack
    results = {}
    # One call for each epsilon, because a call begins with the guard and the clean predictions.
    for threat_model, attacks in groups.items():
        measured = evaluate(
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


def _masking(run, models, folder):
    """Returns {model: verdict's record}; empty if no images are asked for."""
    count = min(run.config.evaluate.masking_examples, len(run.dataset.test))
    if not count or run.threat_model.epsilon == 0.0:
        return {}
    examples = run.dataset.test.evenly_spaced(count)
    verdicts = {}
    for name, model in models.items():
        with progress(f"masking {name}") as on_batch:
            measured = Measure(
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
            verdicts[name] = masking_verdict(measured).as_record()
    return verdicts


def _sweep(run, models, examples, folder):
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
    save_sweep(curves, folder / "sweep.png")


def _as_requested(on_batch, attacks):
    """Reports an attack under the config's name, and the clean pass only where it was asked for."""
    texts = {attack: text for text, attack in attacks.items()}

    def on_requested(attack, done, total):
        if attack in texts:
            on_batch(texts[attack], done, total)

    return on_requested
