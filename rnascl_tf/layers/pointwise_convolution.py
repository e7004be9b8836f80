"""A 1x1 convolution as one matrix product, which oneDNN runs faster than its convolution."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnascl_tf")
class PointwiseConvolution(keras.layers.Conv2D):
    """Computes what `keras.layers.Conv2D` does for those that `is_pointwise` allows, by matrix product.

    Arguments, config and weights are those of `Conv2D`.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns [..., filters] of inputs [..., channels]."""
        kernel = tf.reshape(tf.convert_to_tensor(self.kernel), (-1, self.filters))
        outputs = tf.linalg.matmul(tf.reshape(inputs, (-1, inputs.shape[-1])), kernel)
        # Before the features get their shape back, so that product and bias are fused.
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        shape = tf.concat([tf.shape(inputs)[:-1], [self.filters]], axis=0)
        outputs = tf.ensure_shape(tf.reshape(outputs, shape), (*inputs.shape[:-1], self.filters))
        return self.activation(outputs)


def is_pointwise(layer: keras.Layer) -> bool:
    """Whether a layer is a Keras convolution that `PointwiseConvolution` can stand in for."""
    return (
        type(layer) is keras.layers.Conv2D
        and layer.kernel_size == (1, 1)
        and layer.strides == (1, 1)
        and layer.groups == 1
        and layer.data_format == "channels_last"
    )
