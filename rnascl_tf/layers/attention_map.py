"""Normalised attention maps of tapped features (paper, section 3: F(A)_hw = sum_c A_chw^2)."""

import keras

from rnascl_tf.layers.attention import attention_maps


@keras.saving.register_keras_serializable(package="rnascl_tf")
class AttentionMaps(keras.layers.Layer):
    """Turns a list of features into one stack of maps of equal size and unit norm.

    Args:
        size: side of the square grid to which every map is resized bilinearly; 14 is the authors'.
    """

    def __init__(self, size=14, **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}.")
        self.size = size
        self.built = True

    def call(self, taps):
        """Returns maps, float32 [batch, len(taps), size * size], each of L2 norm 1.

        Args:
            taps: list of features [batch, height_i, width_i, channels_i].
        """
        return attention_maps(taps, self.size)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "size": self.size}
