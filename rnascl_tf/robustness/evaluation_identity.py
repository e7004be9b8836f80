"""What an evaluation's numbers depend on besides the attacks, as short texts to compare."""

import hashlib

import keras
import numpy as np

from rnascl_tf.robustness.logits_function import AttackedModel
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

_FORMER_MODULES = {
    "rnascl_tf.layers.pixel_normalization": "teachers.normalization",
    "teachers.layers.constant_layers": "teachers.constant_layers",
    "teachers.layers.moving_layers": "teachers.moving_layers",
}
"""Where layers were when the first state files were written: their models must not count as others."""


def evaluation_identity(
    model: AttackedModel,
    model_id: str | None,
    images: np.ndarray,
    labels: np.ndarray,
    threat_model: ThreatModel,
    seed: int,
) -> dict[str, str]:
    """Returns {what: text}.

    Args:
        model: what is attacked.
        model_id: text that identifies the model; None hashes a Keras model's layers and weights.
        images: float32 [n, height, width, channels].
        labels: integer [n].
        threat_model: of the attacks.
        seed: of the attacks.

    Raises:
        RobustnessError: the model cannot be identified without `model_id`.
    """
    if not model_id:
        if not isinstance(model, keras.Model):
            raise RobustnessError(
                f"a state file is asked for a {type(model).__name__}; pass model_id, a text that "
                "changes with the model, such as the sha256 of its file."
            )
        model_id = _hash(np.array(_layers(model)), *model.get_weights())
    return {
        "model": model_id,
        "images and labels": _hash(images, labels),
        "threat model": repr(threat_model),
        "seed": str(seed),
    }


def _layers(model: keras.Model) -> str:
    """Describes the layers that the weights belong to."""
    try:
        text = model.to_json()
    except (NotImplementedError, TypeError, ValueError) as error:
        raise RobustnessError(
            f"a state file is asked for model {model.name!r}, whose layers Keras cannot describe "
            f"({type(error).__name__}); give them get_config, or pass model_id, a text that changes "
            "with the model."
        ) from error
    for module, former in _FORMER_MODULES.items():
        text = text.replace(f'"module": "{module}"', f'"module": "{former}"')
    return text


def _hash(*arrays: np.ndarray) -> str:
    """The sha256 of arrays' shapes and bytes, shortened to 16 digits."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(str((array.dtype, array.shape)).encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:16]
