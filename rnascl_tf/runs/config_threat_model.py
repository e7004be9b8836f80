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
