"""SSD300 on VGG16, with the geometry of Liu et al. 2016 (figure 2) and Caffe SSD."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tf_ssd import loss, matcher
from tf_ssd.config import ModelConfig
from tf_ssd.default_boxes import default_boxes
from tf_ssd.errors import ConfigError
from tf_ssd.network.layers import FastConv2D, L2Normalize, ReLUMaxPooling2D

MEAN_RGB = (123.0, 117.0, 104.0)
# Blocks of VGG16: channels and number of convolutions.
VGG_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
# Extra feature layers: name, channels of the 1x1 and of the 3x3 convolution, stride and padding of the latter.
EXTRAS = (("conv8", 256, 512, 2, 1), ("conv9", 128, 256, 2, 1), ("conv10", 128, 256, 1, 0), ("conv11", 128, 256, 1, 0))


@keras.saving.register_keras_serializable(package="tf_ssd")
class SSD300(keras.Model):
    """The network: RGB pixels 0..255 (B, 300, 300, 3) -> {"offsets": (B, K, 4), "logits": (B, K, C)}.

    It is a plain `keras.Model`: `compile(optimizer)` and `fit` on pairs (images, {"boxes": (B, G, 4) xyxy fractions, "labels":
    (B, G), 0 for padding}) train it with the MultiBox loss, `save` and `keras.saving.load_model` need no custom objects once
    `tf_ssd.model` is imported.

    Args:
        config: what to build.

    Raises:
        ConfigError: the default boxes do not fit the feature maps of the network.
    """

    def __init__(self, config: ModelConfig, **kwargs: Any) -> None:
        image = keras.Input((300, 300, 3), name="image", dtype=_interface_dtype())
        sources = _sources(image, config)
        sizes = tuple(source.shape[1] for source in sources)
        if sizes != config.boxes.feature_maps:
            raise ConfigError(f"feature_maps={config.boxes.feature_maps}: SSD300 has feature maps of {sizes} cells")
        super().__init__(inputs=image, outputs=_heads(sources, config), **kwargs)
        self.config = config

    def compute_loss(
        self,
        x: tf.Tensor | None = None,
        y: dict[str, tf.Tensor] | None = None,
        y_pred: dict[str, tf.Tensor] | None = None,
        sample_weight: tf.Tensor | None = None,
        training: bool = True,
    ) -> tf.Tensor:
        """The total of `multibox_loss` for ground truth `y` ("boxes", "labels") and predictions `y_pred` ("offsets", "logits").

        Raises:
            ValueError: ground truth is missing, or sample weights are given, which the MultiBox loss has no place for.
        """
        if sample_weight is not None:
            raise ValueError("SSD300 does not take sample weights")
        if y is None or y_pred is None:
            raise ValueError("SSD300 needs ground truth and predictions to compute a loss")
        return self.multibox_loss(y["boxes"], y["labels"], y_pred).total

    def multibox_loss(self, gt_boxes: tf.Tensor, gt_labels: tf.Tensor, predictions: dict[str, tf.Tensor]) -> loss.MultiboxLoss:
        """Match (B, G, 4), (B, G) with the model's default boxes and compare with its predictions, as its config says."""
        settings = self.config.loss
        return loss.multibox_loss(
            predictions["offsets"],
            predictions["logits"],
            *self.targets(gt_boxes, gt_labels),
            negative_ratio=settings.negative_ratio,
            min_negatives=settings.min_negatives,
            alpha=settings.alpha,
            normalizer=settings.normalizer,
        )

    def multibox_sums(self, gt_boxes: tf.Tensor, gt_labels: tf.Tensor, predictions: dict[str, tf.Tensor]) -> loss.ImageSums:
        """The terms of `multibox_loss` for each image, before any division."""
        return loss.multibox_sums(
            predictions["offsets"],
            predictions["logits"],
            *self.targets(gt_boxes, gt_labels),
            negative_ratio=self.config.loss.negative_ratio,
            min_negatives=self.config.loss.min_negatives,
        )

    def targets(self, gt_boxes: tf.Tensor, gt_labels: tf.Tensor) -> matcher.Targets:
        """Match ground truth (B, G, 4), (B, G) with the model's default boxes, as its config says."""
        return matcher.targets(
            gt_boxes,
            gt_labels,
            default_boxes(self.config.boxes, dtype=gt_boxes.dtype),
            variances=self.config.variances,
            threshold=self.config.loss.match_threshold,
            strategy=self.config.loss.match_strategy,
        )

    def get_config(self) -> dict[str, Any]:
        """The configuration as plain values; it makes the whole network again."""
        return {"config": dataclasses.asdict(self.config), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: object = None) -> "SSD300":
        """Inverse of `get_config`."""
        return cls(ModelConfig.from_dict(config["config"]), name=config["name"])


def ssd300(config: ModelConfig) -> SSD300:
    """Build the network of `config` with freshly drawn weights; `keras.utils.set_random_seed` makes them repeat.

    Body: He initialisation. Heads: near 0 (standard deviation 0.01 for offsets, 0.003 for logits), so that the first losses are
    small although conv4_3 enters with length 20. Biases: 0.
    """
    return SSD300(config, name="ssd300")


def _sources(image: tf.Tensor, config: ModelConfig) -> list[tf.Tensor]:
    """The six feature maps that the heads look at: 38, 19, 10, 5, 3 and 1 cells a side."""
    x = layers.Rescaling(1.0, offset=[-mean for mean in MEAN_RGB], name="subtract_mean")(image)
    for block, (channels, convolutions) in enumerate(VGG_BLOCKS, start=1):
        pooled_with_relu = block <= 3
        for number in range(1, convolutions + 1):
            relu = number < convolutions or not pooled_with_relu
            x = _convolution(x, f"conv{block}_{number}", channels, 3, config, padding=1, relu=relu)
        # The 75 cells before pool3 become 38, as in Caffe; pool5 keeps its 19 cells.
        if pooled_with_relu:
            x = ReLUMaxPooling2D(name=f"pool{block}")(x)
        elif block == 4:
            conv4_3 = L2Normalize(name="conv4_3_norm")(x)
            x = layers.MaxPooling2D(2, name="pool4")(x)
        else:
            x = layers.MaxPooling2D(3, 1, padding="same", name="pool5")(x)
    x = _convolution(x, "fc6", 1024, 3, config, padding=6, dilation=6)
    x = _convolution(x, "fc7", 1024, 1, config)
    sources = [conv4_3, x]
    for name, squeezed, channels, stride, padding in EXTRAS:
        x = _convolution(x, f"{name}_1", squeezed, 1, config)
        x = _convolution(x, f"{name}_2", channels, 3, config, stride=stride, padding=padding)
        sources.append(x)
    return sources


def _convolution(
    x: tf.Tensor,
    name: str,
    channels: int,
    kernel: int,
    config: ModelConfig,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    relu: bool = True,
) -> tf.Tensor:
    """Convolution, batch normalisation where the config asks for it, mostly ReLU; `padding` pixels on all four sides."""
    # At stride 2 TensorFlow's "same" pads right and bottom alone; the published weights expect both sides.
    if padding and stride > 1:
        x = layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
    x = FastConv2D(
        max(1, round(channels * config.width)),
        kernel,
        strides=stride,
        padding="same" if padding and stride == 1 else "valid",
        dilation_rate=dilation,
        use_bias=not config.batch_norm,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    if config.batch_norm:
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _heads(sources: list[tf.Tensor], config: ModelConfig) -> dict[str, tf.Tensor]:
    """Offsets (B, K, 4) and logits (B, K, C) of all default boxes, in their order: feature map, row, column, box in the cell."""
    outputs: dict[str, list[tf.Tensor]] = {"offsets": [], "logits": []}
    widths = {"offsets": (4, 0.01), "logits": (config.num_classes, 0.003)}
    for level, (source, boxes) in enumerate(zip(sources, config.boxes.boxes_per_cell, strict=True)):
        for output, (numbers, stddev) in widths.items():
            convolution = layers.Conv2D(
                boxes * numbers,
                3,
                padding="same",
                kernel_initializer=keras.initializers.RandomNormal(stddev=stddev),
                name=f"{output}_{level}",
            )
            outputs[output].append(layers.Reshape((-1, numbers), name=f"{output}_{level}_boxes")(convolution(source)))
    # Whatever the body computes in, the loss and the decoder get float32 or better.
    return {name: layers.Concatenate(axis=1, name=name, dtype=_interface_dtype())(parts) for name, parts in outputs.items()}


def _interface_dtype() -> str:
    """Of pixels and outputs; Keras would round the pixels to float32 whatever the policy."""
    return "float64" if keras.config.dtype_policy().compute_dtype == "float64" else "float32"
