"""The inverted residual block of the student (docs/design.md, "The student"; Sandler et al. 2018).

1x1 conv to expansion * C_in, BN, activation -> depthwise 3x3, BN, activation -> 1x1 conv, BN.
"""

import keras

from rnascl_tf.layers.batch_normalization import normalized
from rnascl_tf.layers.convolutions import convolution, depthwise_convolution


def inverted_residual_block(
    features: keras.KerasTensor,
    filters: int,
    stride: int,
    expansion: int,
    name: str,
    *,
    momentum: float,
    seed: int,
    activation: str,
) -> tuple[keras.KerasTensor, dict[str, keras.KerasTensor]]:
    """Adds one block to a functional network.

    Args:
        features: [batch, height, width, C_in].
        filters: C_out, the block's output channels.
        stride: 1 or 2, of the depthwise convolution.
        expansion: e; hidden channels are e * C_in. At 1 there is no expanding convolution.
        name: prefix of the layers' names.
        momentum: of batch normalisation, in Keras' convention.
        seed: the block's initializers are seeded from it.
        activation: one of `ACTIVATIONS`, after the first two convolutions.

    Returns:
        The block's output [batch, height / stride, width / stride, filters], with the input added
        when stride is 1 and C_in = C_out; and its taps in order: the features after each
        convolution's batch norm (and activation where it has one), the last before the addition.
    """
    taps = {}
    hidden = features
    if expansion != 1:
        hidden_filters = expansion * features.shape[-1]
        hidden = convolution(hidden, hidden_filters, 1, 1, f"{name}_expand", seed)
        hidden = normalized(hidden, f"{name}_expand", momentum, activation)
        taps[f"{name}_expand"] = hidden
    hidden = depthwise_convolution(hidden, stride, f"{name}_depthwise", seed + 1)
    hidden = normalized(hidden, f"{name}_depthwise", momentum, activation)
    taps[f"{name}_depthwise"] = hidden
    output = convolution(hidden, filters, 1, 1, f"{name}_project", seed + 2)
    output = normalized(output, f"{name}_project", momentum)
    taps[f"{name}_project"] = output
    if stride == 1 and features.shape[-1] == filters:
        output = keras.layers.Add(name=f"{name}_add")([features, output])
    return output, taps
