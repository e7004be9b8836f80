"""What `rnascl attack` found, in the form of RobustBench's model records.

RobustBench (github.com/RobustBench/robustbench, model_info/) keeps one flat JSON file per model. Its
fields come first, accuracies as texts in percent, empty where only the model's author knows. Our own
facts are under "rnascl".
"""

from collections.abc import Mapping
from typing import Any

from rnascl_tf.model_files import ModelFile
from rnascl_tf.record import timestamp
from rnascl_tf.robustness import AttackResult, ThreatModel
from rnascl_tf.robustness.masking.verdict import Verdict

SCHEMA = 1


def robustbench_record(
    model_file: ModelFile,
    dataset_name: str,
    threat_model: ThreatModel,
    epsilon_text: str,
    results: Mapping[str, AttackResult],
    environment: Mapping[str, Any],
    verdict: Verdict | None = None,
    teacher: ModelFile | None = None,
) -> dict[str, Any]:
    """Returns the record, ready for JSON.

    Args:
        model_file: the attacked model.
        dataset_name: whose test images were attacked.
        threat_model: of the attacks.
        epsilon_text: epsilon as it was asked for, "8/255".
        results: "clean" is among them.
        environment: where the results were measured, from `record.describe_environment`.
        verdict: on masking, or None if there is none (yet).
        teacher: whose images the verdict has tried, or None.

    Returns:
        "autoattack_acc" is filled only by the standard attack budget in pixel space: other numbers do
        not compare with AutoAttack's.
    """
    cascade = results.get("autoattack")
    exact = cascade is not None and cascade.budget == "standard" and threat_model.space == "pixel"
    others = [result.accuracy.percent for name, result in results.items() if name != "clean"]
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
        "clean_acc": f"{results['clean'].accuracy.percent:.2f}",
        "reported": None,
        "autoattack_acc": f"{cascade.accuracy.percent:.2f}" if cascade and exact else None,
        "external": f"{min(others):.2f}" if others else None,
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
                "std": threat_model.std,
                "bounds": threat_model.bounds,
            },
            "robustness": {name: result.to_json() for name, result in results.items()},
            "masking": None if verdict is None else verdict.as_record(),
            "teacher": None
            if teacher is None
            else {"file": teacher.path.name, "sha256": teacher.sha256},
            "versions": environment["versions"],
            "hardware": environment["hardware"],
            "git_commit": environment["git_commit"],
            "made_at": timestamp(),
        },
    }


def _footnote(results: Mapping[str, AttackResult], threat_model: ThreatModel) -> str:
    return (
        f"{threat_model}, {results['clean'].accuracy.n} evenly spaced test images; external is the "
        "lowest accuracy under any of the attacks run here."
    )
