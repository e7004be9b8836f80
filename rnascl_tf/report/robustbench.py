"""What an assessment found, in the shape of RobustBench's model records with our facts beside them.

RobustBench (github.com/RobustBench/robustbench, model_info/) keeps one flat JSON file per model;
its fields come first, as texts in percent where it has them so, empty where only the model's author
knows. Everything of ours stands under "rnascl".
"""

import datetime

from rnascl_tf.record.provenance import git_commit, hardware, versions

SCHEMA = 1


def assessment_record(
    model_file, dataset_name, threat_model, epsilon_text, results, verdict, teacher=None
):
    """Returns the JSON-ready record.

    Args:
        model_file: a `ModelFile`.
        dataset_name: the data set's name.
        threat_model: the `ThreatModel`.
        epsilon_text: epsilon as it was asked for, "8/255".
        results: {attack: `AttackResult`}, "clean" among them.
        verdict: a `Verdict` on masking, or None if there is none (yet).
        teacher: the `ModelFile` whose images the verdict has tried, or None.

    Returns:
        A dict. "autoattack_acc" is filled only by the standard budget in pixel space: anything else
        is no AutoAttack that numbers may be compared with.
    """
    cascade = results.get("autoattack")
    pixel = threat_model.space == "pixel"
    standard = cascade is not None and cascade.budget == "standard" and pixel
    others = [result.accuracy.value for name, result in results.items() if name != "clean"]
    return {
        "link": "",
        "name": model_file.path.name,
        "authors": "",
        "additional_data": None,
        "number_forward_passes": 1,
        "dataset": dataset_name,
        "venue": "",
        "architecture": "",
        "eps": epsilon_text,
        "clean_acc": _percent(results["clean"].accuracy.value),
        "reported": None,
        "autoattack_acc": _percent(cascade.accuracy.value) if standard else None,
        "external": _percent(min(others)) if others else None,
        "unreliable": None if verdict is None else verdict.suspicious,
        "footnote": _footnote(results, threat_model),
        "rnascl": {
            "schema": SCHEMA,
            "model": {
                "file": model_file.path.name,
                "kind": model_file.kind,
                "sha256": model_file.sha256,
                "params": model_file.params,
            },
            "threat_model": {
                "epsilon": threat_model.epsilon,
                "norm": threat_model.norm,
                "space": threat_model.space,
                "deviation": threat_model.deviation,
                "bounds": threat_model.bounds,
            },
            "robustness": {name: result.to_json() for name, result in results.items()},
            "masking": None if verdict is None else verdict.as_record(),
            "teacher": None
            if teacher is None
            else {"file": teacher.path.name, "sha256": teacher.sha256},
            "versions": versions(),
            "hardware": hardware(),
            "git_commit": git_commit(),
            "made_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        },
    }


def _footnote(results, threat_model):
    return (
        f"{threat_model}, {results['clean'].accuracy.n} evenly spaced test images; external is the "
        "lowest accuracy under any of the attacks run here."
    )


def _percent(accuracy):
    return f"{100 * accuracy:.2f}"
