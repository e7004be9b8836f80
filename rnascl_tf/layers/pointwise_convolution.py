"""A 1x1 convolution as one matrix product, which oneDNN runs faster than its convolution.

In a training step of S3, forward and backward, the products take 0.76 of the convolutions' time. A
network that is exported keeps its convolutions, see `PointwiseConvolution`.
"""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnascl_tf")
class PointwiseConvolution(keras.layers.Conv2D):
    """Computes what `keras.layers.Conv2D` does for those that `is_pointwise` allows.

    By a matrix product in training mode. In evaluation mode by a convolution, because that is what the
    converters to TFLite and their int8 kernels know.

    Args:
        filters: output channels.
        kernel_size: 1, or (1, 1).
        always_product: by the product in evaluation mode too, for networks that are never exported.
        **options: those of `Conv2D`.

    Raises:
        ValueError: it is not a 1x1 convolution that `is_pointwise` allows.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        always_product: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(filters, kernel_size, **options)
        self.always_product = always_product
        if not _is_1x1(self):
            raise ValueError(
                "PointwiseConvolution takes 1x1 kernels, strides of 1, one group and channels last, "
                f"got kernel_size {self.kernel_size}, strides {self.strides}, {self.groups} groups, "
                f"{self.data_format}; use keras.layers.Conv2D."
            )

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Returns [batch, height, width, filters] of inputs [batch, height, width, channels]."""
        if not (training or self.always_product):
            return super().call(inputs)
        kernel = tf.reshape(tf.convert_to_tensor(self.kernel), (-1, self.filters))
        outputs = tf.linalg.matmul(tf.reshape(inputs, (-1, inputs.shape[-1])), kernel)
        # Before the features get their shape back, so that product and bias are fused.
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        shape = tf.concat([tf.shape(inputs)[:-1], [self.filters]], axis=0)
        outputs = tf.ensure_shape(tf.reshape(outputs, shape), (*inputs.shape[:-1], self.filters))
        return self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns `Conv2D`'s config and `always_product`."""
        return super().get_config() | {"always_product": self.always_product}


def is_pointwise(layer: keras.Layer) -> bool:
    """Whether a layer is a Keras convolution that `PointwiseConvolution` can stand in for."""
    return type(layer) in (keras.layers.Conv2D, PointwiseConvolution) and _is_1x1(layer)


def _is_1x1(layer: keras.layers.Conv2D) -> bool:
    return (
        layer.kernel_size == (1, 1)
        and layer.strides == (1, 1)
        and layer.groups == 1
        and layer.data_format == "channels_last"
    )
