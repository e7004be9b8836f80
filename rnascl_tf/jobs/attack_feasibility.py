"""Which parts of an attack request can be carried out together, known before any attack has run."""

from __future__ import annotations

from collections.abc import Sequence

from absl import logging

from rnascl_tf import model_files, robustness
from rnascl_tf.jobs.attack_request import AttackRequest, AttackRequestError
from rnascl_tf.robustness.attacks.registry import CLEAN


def why_no_verdict(
    masking_examples: int, kind: str, threat_model: robustness.ThreatModel
) -> str | None:
    """Returns why there can be no verdict on masking, as half a sentence, or None.

    Args:
        masking_examples: number of images for the verdict.
        kind: of the model's file.
        threat_model: the threat model.
    """
    if not masking_examples:
        return "--masking_examples=0"
    if kind == "tflite":
        return (
            "a TFLite file has no gradients, so no attack here could use them, and its true accuracy "
            "may be far lower; attack the model it was made from"
        )
    return "epsilon is 0" if threat_model.epsilon == 0.0 else None


def check_combination(
    request: AttackRequest,
    model_kind: str,
    teacher_kind: str | None,
    no_verdict: str | None,
) -> None:
    """Raises AttackRequestError, before the first attack, for what would fail after the last.

    Args:
        request: what is asked for.
        model_kind: kind of the model's file.
        teacher_kind: kind of the teacher's file, or None without one.
        no_verdict: from `why_no_verdict`.
    """
    if request.strict and no_verdict:
        raise AttackRequestError(
            f"--strict needs a verdict, and there cannot be one: {no_verdict}."
        )
    if teacher_kind == "tflite":
        raise AttackRequestError(
            f"--teacher={request.teacher} is a TFLite file, which has no gradients to make images "
            "with; give the model it was made from."
        )
    if teacher_kind is not None and no_verdict and not request.sweep:
        raise AttackRequestError(
            f"--teacher={request.teacher} is for the verdict and the sweep, and there is neither: "
            f"{no_verdict}."
        )
    if request.sweep and model_kind == "tflite":
        raise AttackRequestError("--sweep needs gradients, and a TFLite file has no gradients.")


def possible_attacks(
    request: AttackRequest,
    attacker: robustness.Attacker,
    model_file: model_files.ModelFile,
    no_verdict: str | None,
) -> Sequence[str]:
    """Returns the names of the attacks that can run on the model.

    A model whose gradients are all zero is left to the verdict, which reports it as masked; without
    a verdict nothing would.

    Args:
        request: what is asked for.
        attacker: the model's attacker.
        model_file: the model.
        no_verdict: from `why_no_verdict`.

    Raises:
        RobustnessError: there is no gradient, and a sweep needs one, or no verdict would report it.
    """
    from rnascl_tf.robustness.logits_function import NO_GRADIENT  # imports TensorFlow

    needing = [name for name in request.attacks if _needs_gradient(name, request.attack_budget)]
    if model_file.kind == "tflite" or not (needing or request.sweep) or attacker.has_gradient:
        return request.attacks
    if no_verdict or request.sweep:
        raise robustness.RobustnessError(NO_GRADIENT)
    logging.warning("%s Left out: %s.", NO_GRADIENT, ", ".join(needing))
    return [name for name in request.attacks if name not in needing]


def _needs_gradient(name: str, attack_budget: str) -> bool:
    if name == CLEAN:
        return False
    members = robustness.attack_named(name, attack_budget).members
    return any(member.needs_gradient for member in members)
