"""Which parts of a request can be carried out together, known before any attack has run."""

from absl import logging

from rnascl_tf.commands.attack_flags import AssessmentError
from rnascl_tf.robustness import RobustnessError, attack_named
from rnascl_tf.robustness.attacks.registry import CLEAN
from rnascl_tf.robustness.guard import check_norm
from rnascl_tf.robustness.logits_function import NO_GRADIENT


def check_norms(attacks, budget, threat_model):
    """Raises RobustnessError if one of the named attacks is not defined for the norm."""
    for name in attacks:
        for member in attack_named(name, budget).members if name != CLEAN else ():
            check_norm(member, threat_model)


def why_no_verdict(asked, model_file, threat_model):
    """Returns why there can be no verdict on masking, as half a sentence, or None."""
    if not asked.masking_examples:
        return "--masking_examples=0"
    if model_file.kind == "tflite":
        return (
            "a TFLite file has no gradients. No attack here could use any, so that its true accuracy "
            "may be far lower; attack the model it was made from"
        )
    return "epsilon is 0" if threat_model.epsilon == 0.0 else None


def check_combination(asked, model_file, teacher, threat_model, no_verdict):
    """Raises AssessmentError, before the first attack, for what would fail after the last.

    Args:
        asked: the parsed flags.
        model_file: the `ModelFile`.
        teacher: the teacher's `ModelFile`, or None.
        threat_model: the `ThreatModel`.
        no_verdict: from `why_no_verdict`.
    """
    if asked.strict and no_verdict:
        raise AssessmentError(f"--strict needs a verdict, and there is none: {no_verdict}.")
    if teacher is not None and teacher.kind == "tflite":
        raise AssessmentError(
            f"--teacher={asked.teacher} is a TFLite file, which has no gradients to make images "
            "with; give the model it was made from."
        )
    if teacher is not None and no_verdict and not asked.sweep:
        raise AssessmentError(
            f"--teacher={asked.teacher} is for the verdict and the sweep, and there is neither: "
            f"{no_verdict}."
        )
    if asked.sweep and model_file.kind == "tflite":
        raise AssessmentError("--sweep needs gradients, which a TFLite file has not.")
    if asked.sweep and threat_model.norm != "linf":
        raise AssessmentError(
            "--sweep draws epsilons 0 to 0.1, which say nothing in L2; use --norm=linf for it."
        )


def possible_attacks(asked, attacks, attacker, model_file, no_verdict):
    """Returns the attacks that can run on a model whose gradients may all be hidden.

    That is masking itself, so that the verdict is to say it; without one nothing would.

    Args:
        asked: the parsed flags.
        attacks: names of attacks.
        attacker: the model's `Attacker`.
        model_file: the `ModelFile`.
        no_verdict: from `why_no_verdict`.

    Raises:
        RobustnessError: no gradient, and no verdict that would say so, or a sweep.
    """
    needing = [
        name
        for name in attacks
        if name != CLEAN
        and any(member.needs_gradient for member in attack_named(name, asked.budget).members)
    ]
    if model_file.kind == "tflite" or not (needing or asked.sweep) or attacker.has_gradient:
        return attacks
    if no_verdict or asked.sweep:
        raise RobustnessError(NO_GRADIENT)
    logging.warning("%s Left out: %s.", NO_GRADIENT, ", ".join(needing))
    return [name for name in attacks if name not in needing]
