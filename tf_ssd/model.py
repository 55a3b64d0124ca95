"""The networks: SSD300 on VGG16, with the geometry of Liu et al. 2016 (figure 2) and Caffe SSD, and its family."""

import dataclasses
import inspect
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tf_ssd import loss, matcher
from tf_ssd.config import Architecture, ModelConfig, network_named, require
from tf_ssd.default_boxes import default_boxes
from tf_ssd.errors import ConfigError
from tf_ssd.network.backbones import BODIES
from tf_ssd.network.extras import extras
from tf_ssd.network.heads import heads, interface_dtype
from tf_ssd.network.layers import L2Normalize
from tf_ssd.network.serving import ELSEWHERE, write_saved_model
from tf_ssd.network.truth import check_given, check_truth


@keras.saving.register_keras_serializable(package="tf_ssd")
class SSD(keras.Model):
    """A network: RGB pixels 0..255 (B, S, S, 3) -> {"offsets": (B, K, 4), "logits": (B, K, C)}.

    It is a plain `keras.Model`: `compile(optimizer)` and `fit` on pairs (images, {"boxes": (B, G, 4) xyxy fractions, "labels":
    (B, G), 0 for padding}) train it with the MultiBox loss, whose terms are metrics, `save` and `keras.saving.load_model` need no
    custom objects once `tf_ssd.model` is imported, and keep the dtype policy. `ssd` builds one; the constructor is that of any
    functional model, as `keras.models.clone_model` wants it.

    Args:
        inputs: the images.
        outputs: what `network.heads.heads` gives.
        name: of the model.
    """

    def __init__(self, inputs: keras.KerasTensor, outputs: dict[str, keras.KerasTensor], name: str, **kwargs: Any) -> None:
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        self.config = ModelConfig.from_dict(self.get_layer("logits").network)

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, *rest: Any, **settings: Any) -> None:
        """As `keras.Model.compile`, without a loss: it is the MultiBox loss, and its settings are those of `config.loss`.

        Raises:
            ValueError: another loss is given, or weights of losses.
        """
        if loss is not None or loss_weights is not None:
            given = "loss" if loss is not None else "loss_weights"
            raise ValueError(
                f"compile({given}=...): SSD has a loss of its own; leave it out, or set ModelConfig(loss=LossConfig(...))"
            )
        super().compile(optimizer, None, None, *rest, **settings)
        if not hasattr(self, "localization_loss"):
            self.localization_loss = keras.metrics.Mean("localization_loss")
            self.confidence_loss = keras.metrics.Mean("confidence_loss")

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as a saved model was; Keras itself does so for models whose `compile` is its own."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, x: Any = None, y: Any = None, *rest: Any, **settings: Any) -> keras.callbacks.History:
        """As `keras.Model.fit`, but says when it compiles; raises ValueError for ground truth that the loss cannot use."""
        held_out = settings.get("validation_data")
        held_out_x, held_out_y = held_out[:2] if isinstance(held_out, tuple | list) else (held_out, None)
        check_given(x, y, self.config.num_classes)
        check_given(held_out_x, held_out_y, self.config.num_classes)
        verbose = inspect.signature(keras.Model.fit).bind(self, x, y, *rest, **settings).arguments.get("verbose", "auto")
        if verbose and self.train_function is None:
            print("Compiling the training step: up to a minute.", flush=True)
        return super().fit(x, y, *rest, **settings)

    def evaluate(self, x: Any = None, y: Any = None, *rest: Any, **settings: Any) -> Any:
        """As `keras.Model.evaluate`; raises ValueError for ground truth that the loss cannot use."""
        check_given(x, y, self.config.num_classes)
        return super().evaluate(x, y, *rest, **settings)

    def train_on_batch(self, x: Any, y: Any = None, *rest: Any, **settings: Any) -> Any:
        """As `keras.Model.train_on_batch`; raises ValueError for ground truth that the loss cannot use."""
        check_given(x, y, self.config.num_classes)
        return super().train_on_batch(x, y, *rest, **settings)

    def test_on_batch(self, x: Any, y: Any = None, *rest: Any, **settings: Any) -> Any:
        """As `keras.Model.test_on_batch`; raises ValueError for ground truth that the loss cannot use."""
        check_given(x, y, self.config.num_classes)
        return super().test_on_batch(x, y, *rest, **settings)

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
            ValueError: ground truth is missing or of another form, or sample weights are given, which the MultiBox loss does not
                know.
        """
        if sample_weight is not None:
            raise ValueError("SSD does not take sample weights")
        if y is None or y_pred is None:
            raise ValueError("SSD needs ground truth and predictions to compute a loss")
        check_truth(y, self.config.num_classes)
        losses = self.multibox_loss(tf.convert_to_tensor(y["boxes"]), tf.convert_to_tensor(y["labels"]), y_pred)
        if self.compiled:
            images = tf.shape(y["labels"])[0]  # by which Keras weights the loss of a batch, too
            self.localization_loss.update_state(losses.localization, images)
            self.confidence_loss.update_state(losses.confidence, images)
        return losses.total

    def multibox_loss(self, gt_boxes: tf.Tensor, gt_labels: tf.Tensor, predictions: dict[str, tf.Tensor]) -> loss.MultiboxLoss:
        """Match ground truth (B, G, 4), (B, G) with the model's default boxes and compare the predictions, as its config says."""
        settings = self.config.loss
        return loss.multibox_loss(
            predictions["offsets"],
            predictions["logits"],
            *self.targets(gt_boxes, gt_labels),
            negative_ratio=settings.negative_ratio,
            min_negatives=settings.min_negatives,
            alpha=settings.alpha,
            normalizer=settings.normalizer,
            scores=self.config.scores,
            class_weights=settings.class_weights,
        )

    def multibox_sums(self, gt_boxes: tf.Tensor, gt_labels: tf.Tensor, predictions: dict[str, tf.Tensor]) -> loss.ImageSums:
        """The terms of `multibox_loss` for each image, before any division."""
        return loss.multibox_sums(
            predictions["offsets"],
            predictions["logits"],
            *self.targets(gt_boxes, gt_labels),
            negative_ratio=self.config.loss.negative_ratio,
            min_negatives=self.config.loss.min_negatives,
            scores=self.config.scores,
            class_weights=self.config.loss.class_weights,
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

    def export(self, filepath: Any, format: str = "tf_saved_model", verbose: bool | None = None, **settings: Any) -> None:  # noqa: A002
        """Write a SavedModel that gives detections: boxes (B, D, 4) xyxy fractions, labels, scores (B, D), and count (B,).

        Its endpoint "serve" takes pixels as the model does; which predictions become detections is said by `config.detection`.

        Raises:
            ValueError: another format or a setting is asked for; the message says how to get it.
        """
        if format != "tf_saved_model" or settings:
            raise ValueError(f"export: writes detections, as a SavedModel of its own input; else {ELSEWHERE.format(format=format)}")
        write_saved_model(self, self.config, filepath, verbose=True if verbose is None else verbose)

    def get_config(self) -> dict[str, Any]:
        """The configuration as plain values, from which the whole network can be made again."""
        policy = self.get_layer("logits_0").dtype_policy.name
        return {"config": dataclasses.asdict(self.config), "name": self.name, "dtype": policy}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: object = None) -> "SSD":
        """Inverse of `get_config`; what older versions wrote has no dtype policy and takes the present one."""
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(config.get("dtype", before))
        try:
            return _built(ModelConfig.from_dict(config["config"]), config["name"])
        finally:
            keras.config.set_dtype_policy(before)


SSD300 = SSD  # as it was called when there was one network
# Keras looks for the class under its bare name in .h5 files, and under the earlier one in files of that time.
keras.saving.get_custom_objects().update({"SSD": SSD, "SSD300": SSD, "tf_ssd>SSD300": SSD})


def ssd(what: str | ModelConfig, **settings: Any) -> SSD:
    """Build a network with freshly drawn weights; `keras.utils.set_random_seed` makes them repeat.

    Body: He initialisation. Heads: near 0, so that the first losses are small. Biases: 0.

    Args:
        what: the name of a network (`tf_ssd.networks()`), or what a network is made of.
        settings: fields of `ModelConfig` that differ, such as num_classes, background included; width; batch_norm.

    Raises:
        ConfigError: the name is not known, a setting is out of range, or the default boxes do not fit the feature maps.
    """
    named = network_named(what) if isinstance(what, str) else what
    require(isinstance(named, ModelConfig), "network", what, "is neither the name of a network nor a ModelConfig")
    config = dataclasses.replace(named, **settings)
    return _built(config, config.name)


def ssd300(config: ModelConfig) -> SSD:
    """SSD300 on VGG16, or another network: `ssd(config)`."""
    return ssd(config)


def _built(config: ModelConfig, name: str) -> SSD:
    made_of, side = config.architecture, config.boxes.image_size
    image = keras.Input((side, side, 3), name="image", dtype=interface_dtype())
    try:
        sources = _sources(_scaled_pixels(image, made_of), config)
    except ValueError as error:  # Keras', who finds less of a feature map than a kernel needs
        raise ConfigError(f"image_size={side}: too small for {config.name}, nothing is left of a feature map") from error
    sizes = tuple(source.shape[1] for source in sources)
    if sizes != config.boxes.feature_maps:
        raise ConfigError(f"feature_maps={config.boxes.feature_maps}: {config.name} has feature maps of {sizes} cells")
    return SSD(image, heads(sources, config), name)


def _sources(pixels: keras.KerasTensor, config: ModelConfig) -> list[keras.KerasTensor]:
    """The feature maps that heads look at, for scaled pixels (B, S, S, 3)."""
    made_of = config.architecture
    activations = BODIES[made_of.base](pixels, config)
    unknown = [tap for tap in made_of.taps if tap not in activations]
    if unknown:
        raise ConfigError(f"taps={made_of.taps}: {made_of.base} has no {', '.join(unknown)}; it has {', '.join(activations)}")
    body = [activations[tap] for tap in made_of.taps]
    following = extras(body[-1], config)
    if made_of.l2_norm is not None:
        body[0] = L2Normalize(made_of.l2_norm, name=f"{made_of.taps[0]}_norm")(body[0])
    return [*body, *following]


def _scaled_pixels(image: keras.KerasTensor, made_of: Architecture) -> keras.KerasTensor:
    """(pixels - mean) / std of each channel. Keras would round lists of numbers to float32 whatever the policy, but not arrays."""
    mean, std = np.array(made_of.pixel_mean), np.array(made_of.pixel_std)
    return layers.Rescaling(1 / std, -mean / std, name="scale_pixels")(image)
