"""The threat model of a config."""

from ml_collections import ConfigDict

from rnascl_tf.errors import UserError
from rnascl_tf.robustness import RobustnessError, ThreatModel, parse_epsilon


def threat_model_of(config: ConfigDict) -> ThreatModel:
    """Returns the threat model of the section `threat`.

    Raises:
        UserError: epsilon or norm cannot be used.
    """
    threat = config.threat
    try:
        return ThreatModel(parse_epsilon(threat.epsilon), threat.norm)
    except RobustnessError as error:
        raise UserError(f"--config.threat.epsilon={threat.epsilon}: {error}") from error


def require_epsilon(config: ConfigDict, remedy: str) -> None:
    """Refuses an epsilon of 0 for a training on attacked images.

    Args:
        config: a run's config.
        remedy: what else the user can do, as "--config.trades.enabled=false".

    Raises:
        UserError: epsilon is 0, or cannot be used.
    """
    if threat_model_of(config).epsilon == 0:
        raise UserError(
            f"--config.threat.epsilon={config.threat.epsilon} leaves nothing to train against: give "
            f"one above 0, or {remedy}."
        )
