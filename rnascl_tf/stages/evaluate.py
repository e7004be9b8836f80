"""Evaluate stage: student and baseline under the same attacks on the same test images."""

from rnascl_tf.atomic import write_json
from rnascl_tf.report import progress
from rnascl_tf.robustness import evaluate


def run(run):
    """Attacks every trained student; writes `DIR/evaluate/robustness.json`."""
    settings = run.config.evaluate
    examples = run.dataset.test.evenly_spaced(settings.examples)
    students = {"student": "train"}
    if run.config.baseline.enabled:
        students["baseline"] = "baseline"
    models = {name: run.student(stage) for name, stage in students.items()}
    folder = run.folder("evaluate")
    results = {}
    for name, model in models.items():
        with progress(f"evaluate {name}") as on_batch:
            results[name] = evaluate(
                model,
                examples.as_float(),
                examples.labels,
                run.threat_model,
                settings.attacks,
                batch_size=settings.batch_size,
                seed=run.config.seed,
                on_batch=on_batch,
            )
    write_json(folder / "robustness.json", results)
    run.record["robustness"].pop("baseline", None)  # of a run in which it was still enabled
    run.record["robustness"] |= results
