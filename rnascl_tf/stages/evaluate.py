"""Evaluate stage: every trained student under the same attacks on the same test images."""

from rnascl_tf.atomic import write_json
from rnascl_tf.report import progress
from rnascl_tf.robustness import evaluate
from rnascl_tf.robustness.requested_attack import parse_attack

STUDENTS = {"student": "train", "trades": "trades", "baseline": "baseline"}
"""The models' names in the record, and the stages that have trained them."""


def run(run):
    """Attacks every trained student; writes `DIR/evaluate/robustness.json`."""
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
            results[name] = measure(run, model, examples, on_batch)
    write_json(folder / "robustness.json", results)
    # Also of a run in which a student was still enabled, and for the order of the columns.
    for name in STUDENTS:
        run.record["robustness"].pop(name, None)
    run.record["robustness"] |= results


def measure(run, model, examples, on_batch):
    """Returns {attack as the config names it: result}, "pgd20@2/255" at its own epsilon.

    Args:
        run: a `Run`.
        model: a Keras model, images -> logits.
        examples: the attacked `Examples`.
        on_batch: as for `robustness.evaluate`.
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
            batch_size=settings.batch_size,
            seed=run.config.seed,
            on_batch=_as_requested(on_batch, attacks),
        )
        results |= {text: measured[attack] for text, attack in attacks.items()}
    return {text: results[text] for text in settings.attacks}


def _as_requested(on_batch, attacks):
    """Reports an attack under the config's name, and the clean pass only where it was asked for."""
    texts = {attack: text for text, attack in attacks.items()}

    def on_requested(attack, done, total):
        if attack in texts:
            on_batch(texts[attack], done, total)

    return on_requested
