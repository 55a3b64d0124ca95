"""Bugs known from published code, each as a change to tf_ssd that the ordinary tests must notice."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple
from unittest import mock

import keras
import tensorflow as tf

from tf_ssd import boxes, coder, default_boxes, detect, loss, matcher, scores
from tf_ssd.config import boxes as boxes_config
from tf_ssd.data.images import resize
from tf_ssd.network import backbones, convolution, layers
from tf_ssd.network.backbones import mobilenet_v3
from tf_ssd.optimizer import CaffeSGD
from tf_ssd.weights import mediapipe
from tf_ssd.weights.tables.table import AS_IS, Table, Target


class Mutant(NamedTuple):
    """A bug: what replaces "module.name", who had it, and where its tests are if not in those of the module."""

    target: str
    replacement: Any
    seen_in: str
    tested_in: str = ""


def match_with(**changed: Any) -> Callable:
    """`matcher.match` that overrides what it is asked for."""
    original = matcher.match
    return lambda *tensors, **options: original(*tensors, **{**options, **changed})


def match_padding(gt_boxes: tf.Tensor, gt_labels: tf.Tensor, *rest: Any, original: Callable = matcher.match, **options: Any) -> Any:
    return original(gt_boxes, tf.ones_like(gt_labels), *rest, **options)


def match_above(*tensors: tf.Tensor, original: Callable = matcher.match, threshold: float = 0.5, **options: Any) -> tf.Tensor:
    return original(*tensors, threshold=threshold * (1 + 1e-6), **options)


def match_last_row_first(
    gt_boxes: tf.Tensor, gt_labels: tf.Tensor, *rest: Any, original: Callable = matcher.match, **options: Any
) -> tf.Tensor:
    index = original(gt_boxes[:, ::-1], gt_labels[:, ::-1], *rest, **options)
    return tf.where(index >= 0, gt_labels.shape[1] - 1 - index, -1)


def iou_with_epsilon(a: tf.Tensor, b: tf.Tensor, original: Callable = boxes.iou) -> tf.Tensor:
    return original(a, b) / (1 + 1e-7)


def iou_in_pixels(a: tf.Tensor, b: tf.Tensor, original: Callable = boxes.iou) -> tf.Tensor:
    one_more = tf.constant([0, 0, 1 / 300, 1 / 300], a.dtype)
    return original(a + one_more, b + one_more)


def area_of_inverted(xyxy: tf.Tensor) -> tf.Tensor:
    xmin, ymin, xmax, ymax = tf.unstack(xyxy, axis=-1)
    return tf.abs((xmax - xmin) * (ymax - ymin))


def encode_swapped(*tensors: tf.Tensor, original: Callable = coder.encode, variances: tuple[float, float] = (0.1, 0.2)) -> Any:
    return original(*tensors, variances=variances[::-1])


def encode_rows_first(*tensors: tf.Tensor, original: Callable = coder.encode, **options: Any) -> tf.Tensor:
    return tf.gather(original(*tensors, **options), [1, 0, 3, 2], axis=-1)


def decode_unclamped(*tensors: tf.Tensor, original: Callable = coder.decode, **options: Any) -> tf.Tensor:
    return original(*tensors, **{**options, "max_log_scale": None})


def clamped_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    probability = tf.gather(tf.nn.softmax(logits), tf.maximum(labels, 0), batch_dims=labels.shape.rank)
    return -tf.math.log(tf.maximum(probability, 1e-15))


def cross_entropy_with_one_maximum(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    largest = tf.reduce_max(logits)
    total = tf.math.log(tf.reduce_sum(tf.exp(logits - largest), axis=-1)) + largest
    return total - tf.gather(logits, tf.maximum(labels, 0), batch_dims=labels.shape.rank)


def unchecked_labels(logits: tf.Tensor, labels: tf.Tensor, original: Callable = scores.cross_entropy, **kind: Any) -> tf.Tensor:
    return original(logits, labels % logits.shape[-1], **kind)


def background_last(logits: tf.Tensor, *labels: tf.Tensor, original: Callable = scores.cross_entropy, **kind: Any) -> tf.Tensor:
    return original(tf.roll(logits, 1, axis=-1), *labels, **kind)


def background_detected_last(
    offsets: tf.Tensor, logits: tf.Tensor, *rest: tf.Tensor, original: Callable = detect.candidates, **options: Any
) -> tuple[tf.Tensor, tf.Tensor]:
    return original(offsets, tf.roll(logits, 1, axis=-1), *rest, **options)


def nan_ignored(logits: tf.Tensor, labels: tf.Tensor, original: Callable = scores.cross_entropy, **kind: Any) -> tf.Tensor:
    entropy = original(logits, labels, **kind)
    return tf.where((labels == 0) & tf.math.is_nan(entropy), tf.zeros_like(entropy), entropy)


def slots_alone(logits: tf.Tensor, labels: tf.Tensor, *, trained: slice = slice(None), background: bool = True) -> tf.Tensor:
    """Binary cross entropy of each slot (..., C), or of some of them; background boxes may be nobody's."""
    own = tf.one_hot(labels, logits.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    own = own & (background | (labels[..., None] > 0))
    return tf.math.softplus(tf.where(own, -logits, logits))[..., trained]


def slot_0_untrained(*tensors: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(slots_alone(*tensors, trained=slice(1, None)), axis=-1)


def background_without_a_slot(*tensors: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(slots_alone(*tensors, background=False), axis=-1)


def mean_over_slots(*tensors: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(slots_alone(*tensors), axis=-1)


def logarithm_of_a_sigmoid(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    probability = tf.clip_by_value(tf.math.sigmoid(logits), 1e-7, 1 - 1e-7)
    own = tf.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return -tf.reduce_sum(own * tf.math.log(probability) + (1 - own) * tf.math.log(1 - probability), axis=-1)


def sums_mined_by_slot_0(offsets: tf.Tensor, logits: tf.Tensor, *targets: tf.Tensor, **options: Any) -> Any:
    def by_slot_0(_: tf.Tensor, labels: tf.Tensor, *counts: int) -> tf.Tensor:
        return ORIGINAL_HARDEST(tf.math.softplus(-logits[..., 0]), labels, *counts)

    with mock.patch.object(loss, "_hardest", by_slot_0 if options.get("scores") == "sigmoid" else ORIGINAL_HARDEST):
        return ORIGINAL_SUMS(offsets, logits, *targets, **options)


def candidates_of_every_slot(
    offsets: tf.Tensor, logits: tf.Tensor, *rest: tf.Tensor, original: Callable = detect.candidates, **options: Any
) -> tuple[tf.Tensor, tf.Tensor]:
    found, class_scores = original(offsets, logits, *rest, **options)
    if options.get("scores") == "sigmoid":
        class_scores = tf.transpose(scores.probabilities(logits, scores="sigmoid"), [0, 2, 1])
    return found, class_scores


def pooled_mining(entropy: tf.Tensor, labels: tf.Tensor, *counts: int, original: Callable = loss._hardest) -> tf.Tensor:
    flat = original(tf.reshape(entropy, [1, -1]), tf.reshape(labels, [1, -1]), *counts)
    return tf.reshape(flat, labels.shape)


def mining_ties_to_the_last(entropy: tf.Tensor, labels: tf.Tensor, *counts: int, original: Callable = loss._hardest) -> Any:
    return original(entropy[:, ::-1], labels[:, ::-1], *counts)[:, ::-1]


def mining_among_all(entropy: tf.Tensor, labels: tf.Tensor, ratio: int, least: int, original: Callable = loss._hardest) -> Any:
    wanted = tf.maximum(ratio * tf.reduce_sum(tf.cast(labels > 0, tf.int32), axis=1), least)
    rank = tf.argsort(tf.argsort(entropy, direction="DESCENDING"), axis=1)
    return rank < wanted[:, None]


def sums_by_multiplying(offsets: tf.Tensor, logits: tf.Tensor, target: tf.Tensor, labels: tf.Tensor, **options: Any) -> Any:
    sums = ORIGINAL_SUMS(offsets, logits, target, labels, **options)
    positive = tf.cast(labels > 0, sums.localization.dtype)[..., None]
    error = loss.smooth_l1(tf.cast(offsets, positive.dtype) - tf.cast(target, positive.dtype))
    return sums._replace(localization=tf.reduce_sum(positive * error, axis=(1, 2)))


def match_claiming_all(
    gt_boxes: tf.Tensor, gt_labels: tf.Tensor, *rest: Any, original: Callable = matcher.match, **options: Any
) -> Any:
    return original(gt_boxes, tf.where(gt_labels == matcher.IGNORED, 1, gt_labels), *rest, **options)


def mining_the_ignored(entropy: tf.Tensor, labels: tf.Tensor, *counts: int, original: Callable = loss._hardest) -> Any:
    return original(entropy, tf.maximum(labels, 0), *counts)


def sums_weighted_in_both_terms(*tensors: tf.Tensor, class_weights: Any = None, **options: Any) -> Any:
    sums = ORIGINAL_SUMS(*tensors, class_weights=class_weights, **options)
    return sums._replace(localization=sums.localization * (max(class_weights) if class_weights else 1))


def sums_with_weights_from_class_1(*tensors: tf.Tensor, class_weights: Any = None, **options: Any) -> Any:
    shifted = class_weights and (*class_weights[1:], class_weights[0])
    return ORIGINAL_SUMS(*tensors, class_weights=shifted, **options)


def sums_without_weights(*tensors: tf.Tensor, class_weights: Any = None, **options: Any) -> Any:
    return ORIGINAL_SUMS(*tensors, **options)


def divided_by_the_weights(
    *tensors: tf.Tensor, original: Callable = loss.multibox_loss, class_weights: Any = None, **options: Any
) -> loss.MultiboxLoss:
    result = original(*tensors, class_weights=class_weights, **options)
    return scaled(result, 1 / (sum(class_weights) / len(class_weights)) if class_weights else 1.0)


def mean_over_images(*tensors: tf.Tensor, original: Callable = loss.multibox_loss, **options: Any) -> tf.Tensor:
    return original(*tensors, **{**options, "normalizer": "image"})


def times_batch(*tensors: tf.Tensor, original: Callable = loss.multibox_loss, **options: Any) -> loss.MultiboxLoss:
    return scaled(original(*tensors, **options), tf.shape(tensors[0])[0])


def divide_by_zero(*tensors: tf.Tensor, original: Callable = loss.multibox_loss, **options: Any) -> loss.MultiboxLoss:
    result = original(*tensors, **options)
    return scaled(result, tf.maximum(result.num_positives, 1) / result.num_positives)


def scaled(result: loss.MultiboxLoss, factor: tf.Tensor) -> loss.MultiboxLoss:
    factor = tf.cast(factor, result.total.dtype)
    return result._replace(
        total=result.total * factor, localization=result.localization * factor, confidence=result.confidence * factor
    )


def detect_with(**changed: Any) -> Callable:
    """`detect.detect` that overrides what it is asked for."""
    original = detect.detect
    return lambda *tensors, **options: original(*tensors, **{**options, **changed})


def any_box_has_area(image_boxes: tf.Tensor) -> tf.Tensor:
    return tf.ones_like(image_boxes[..., 0], tf.bool)


def nms_including_equal(*tensors: tf.Tensor, iou_threshold: float, original: Callable = detect.nms) -> tf.Tensor:
    return original(*tensors, iou_threshold=iou_threshold * (1 - 1e-6))


def nms_by_any_better(xyxy: tf.Tensor, candidates: tf.Tensor, *, iou_threshold: float) -> tf.Tensor:
    order = tf.range(xyxy.shape[-2])
    rivals = (boxes.iou(xyxy, xyxy) > iou_threshold) & (order[:, None] < order)
    return candidates & ~tf.reduce_any(rivals & candidates[..., None], axis=-2)


def default_boxes_transposed(config: Any, original: Callable = default_boxes.default_boxes, **options: Any) -> tf.Tensor:
    x, y, width, height = tf.unstack(original(config, **options), axis=-1)
    return tf.stack([y, x, width, height], axis=-1)


def default_boxes_clipped(config: Any, original: Callable = default_boxes.default_boxes, **options: Any) -> tf.Tensor:
    return tf.clip_by_value(original(config, **options), 0, 1)


def convolution_same(
    x: tf.Tensor, *rest: Any, original: Callable = convolution.convolution, stride: int = 1, padding: int = 0, **options: Any
) -> tf.Tensor:
    if stride == 1 or not padding:
        return original(x, *rest, stride=stride, padding=padding, **options)
    before = 1 - x.shape[1] % 2 ^ 1  # TensorFlow's "same" pads an even side at its end alone
    return original(keras.layers.ZeroPadding2D(((before, 1), (before, 1)))(x), *rest, stride=stride, padding=0, **options)


def pooling_from_the_other_end(*, name: str) -> Callable:
    def pool(x: tf.Tensor) -> tf.Tensor:
        odd = x.shape[1] % 2
        padded = keras.layers.ZeroPadding2D(((odd, 0), (odd, 0)))(keras.layers.ReLU()(x))
        return keras.layers.MaxPooling2D(2, name=name)(padded)

    return pool


def pooling_rounded_down(*, name: str) -> Callable:
    return lambda x: keras.layers.MaxPooling2D(2, name=name)(keras.layers.ReLU()(x))


def heads_with_numbers_first(shape: tuple[int, int], *, name: str) -> Callable:
    def reshape(x: tf.Tensor) -> tf.Tensor:
        height, width, channels = x.shape[1:]
        x = keras.layers.Reshape((height * width, shape[1], channels // shape[1]))(x)
        return keras.layers.Reshape(shape, name=name)(keras.layers.Permute((1, 3, 2))(x))

    return reshape


def heads_by_column(shape: tuple[int, int], *, name: str) -> Callable:
    return lambda x: keras.layers.Reshape(shape, name=name)(keras.layers.Permute((2, 1, 3))(x))


def six_in_the_first_map(*level: Any, first: bool, original: Callable = boxes_config.od_api_shapes) -> Any:
    return original(*level, first=False)


def padded_at_both_ends(kernel: int, _: Any) -> int:
    return kernel // 2


def padded_at_the_end(_: int, __: Any) -> str:
    return "same"


def kernel_of_three_at_most(
    x: Any, name: str, channels: int, kernel: int, *rest: Any, original: Callable = convolution.convolution, **options: Any
) -> Any:
    return original(x, name, channels, min(3, kernel), *rest, **options)


def reciprocal_first(*level: Any, original: Callable = boxes_config._oblong) -> list[boxes_config.Shape]:
    return [(height, width) for width, height in original(*level)]


def larger_square_last(*level: Any, original: Callable = boxes_config.caffe_shapes) -> Any:
    square, larger, *oblong = original(*level)
    return (square, *oblong, larger)


def tapped_before_the_activation(*rest: Any, original: Callable = mobilenet_v3.body) -> dict[str, Any]:
    return {name: activation._keras_history.operation.input for name, activation in original(*rest).items()}


def excited_without_relu(function: str) -> Callable:
    """`ReLU` of the squeezed channels, as another activation."""
    return lambda *_, name: keras.layers.Activation(function, name=name)


def activation_as(before: str, after: str) -> Callable:
    """One of Keras' activations in place of another."""
    return lambda function, *, name: keras.layers.Activation(after if function == before else function, name=name)


def normalisation_with(**changed: Any) -> Callable:
    """Of batches, with other settings."""
    return lambda **options: layers.BatchNormalization(**{**options, **changed})


def normalisation_with_momentum_turned_round(*, momentum: float, **options: Any) -> Any:
    return layers.BatchNormalization(momentum=1 - momentum, **options)


def relu_without_limit(_: float | None = None, *, name: str) -> Any:
    return keras.layers.ReLU(name=name)


class KerasLayers:
    """`keras.layers` with some of them replaced."""

    def __init__(self, **replaced: Callable) -> None:
        self._replaced = replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced.get(name) or getattr(keras.layers, name)


def normalize_over_the_image(self: layers.L2Normalize, inputs: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(inputs, axis=(1, 2), epsilon=1e-24) * self.scale


def pixels_to_one(scale: float, offset: list[float], *, name: str) -> Callable:
    return keras.layers.Rescaling(scale / 255, offset=[value / 255 for value in offset], name=name)


def pixels_reversed(scale: float, offset: list[float], *, name: str) -> Callable:
    return lambda x: keras.layers.Rescaling(scale, offset, name=name)(x[..., ::-1])


def means_reversed(scale: float, offset: list[float], *, name: str) -> Callable:
    return keras.layers.Rescaling(scale, offset[::-1], name=name)


def resized_when_scaled(part: Any, *rest: Any, original: Callable = resize._resized) -> tf.Tensor:
    return original(part._replace(pixels=tf.cast(part.pixels, tf.float32) / 127.5 - 1), *rest)


def offsets_as_they_are(table: Table) -> Table:
    """A file of the Object Detection API, of which nothing but the arrangement of kernels is changed."""
    kinds = {"kernel": mediapipe.OHWI, "bias": AS_IS}
    return replace(
        table,
        targets={name: Target(target.variable, kinds[name.rpartition("/")[2]]) for name, target in table.targets.items() if target},
    )


class DecoupledDecay(CaffeSGD):
    """Keras' own `weight_decay`, which takes a share of the weight off beside the momentum."""

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        decay, self.decay = self.decay, 0.0
        if variable.name.startswith("kernel"):
            variable.assign_sub(learning_rate * decay * variable)
        super().update_step(gradient, variable, learning_rate)
        self.decay = decay


class RateOutsideTheVelocity(CaffeSGD):
    """PyTorch's momentum, whose steps shrink at once when the rate drops."""

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        velocity = self.momentums[self._get_variable_index(variable)]
        before = variable.value() if callable(getattr(variable, "value", None)) else tf.identity(variable)
        super().update_step(gradient, variable, tf.ones_like(learning_rate))
        variable.assign(before + learning_rate * velocity)


class SlowBiases(CaffeSGD):
    """One rate for all."""

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        half = 0.5 if variable.name.startswith("bias") else 1.0
        super().update_step(gradient, variable, learning_rate * half)


class DoubledDecay(CaffeSGD):
    """The gradient of `l2(w)`, decay * weight^2, which is twice what the paper's decay is."""

    def __init__(self, learning_rate: Any, *, decay: float) -> None:
        super().__init__(learning_rate, decay=2 * decay)


ORIGINAL_SUMS, ORIGINAL_HARDEST = loss.multibox_sums, loss._hardest
SOFTMAX, SIGMOID = "scores._softmax_cross_entropy", "scores._sigmoid_cross_entropy"
VGG, V1, V3 = (f"network.backbones.{name}" for name in ("vgg", "mobilenet_v1", "mobilenet_v3"))
TAPPED_EARLY = {**backbones.BODIES, "mobilenet_v3_large": tapped_before_the_activation}
CONVOLUTION = "network.convolution"
MUTANTS = {
    "the last of two ground truths takes the default box": Mutant("matcher.match", match_with(strategy="argmax"), "most ports"),
    "padding matches": Mutant("matcher.match", match_padding, "ports that pad with zeros and ones"),
    "IoU must exceed the threshold": Mutant("matcher.match", match_above, "five of ten"),
    "ties go to the last row": Mutant("matcher.match", match_last_row_first, "ports that loop and overwrite"),
    "no lower bound for a claim": Mutant("matcher.MIN_OVERLAP", -1.0, "torchvision, amdegroot"),
    "epsilon in the denominator": Mutant("boxes.iou", iou_with_epsilon, "lufficc, ChunML"),
    "a pixel more on each side": Mutant("boxes.iou", iou_in_pixels, "ports of the VOC kit"),
    "inverted boxes have an area": Mutant("boxes.area", area_of_inverted, "amdegroot"),
    "variances swapped": Mutant("coder.encode", encode_swapped, "the text of SSDModel's tutorial"),
    "offsets as (ty, tx, th, tw)": Mutant("coder.encode", encode_rows_first, "TensorFlow's Object Detection API"),
    "offsets of a file as (ty, tx, th, tw)": Mutant(
        "weights.mediapipe.MEDIAPIPE", offsets_as_they_are(mediapipe.MEDIAPIPE), "imports from the OD API", "object_detection_api"
    ),
    "decode without clamp": Mutant("coder.decode", decode_unclamped, "Caffe, amdegroot"),
    "logarithm of a clamped softmax": Mutant(SOFTMAX, clamped_cross_entropy, "SSDModel, ssd_keras, FurkanOM", "loss"),
    "one maximum for the whole batch": Mutant(SOFTMAX, cross_entropy_with_one_maximum, "amdegroot", "loss"),
    "labels wrap around": Mutant("loss.cross_entropy", unchecked_labels, "ports that index with -1"),
    "background last in the loss": Mutant("loss.cross_entropy", background_last, "mmdetection"),
    "background last in detection": Mutant("detect.candidates", background_detected_last, "mmdetection"),
    "NaN negatives rank last": Mutant("loss.cross_entropy", nan_ignored, "two of ten"),
    "sigmoid: slot 0 is not trained": Mutant(SIGMOID, slot_0_untrained, "losses without a background"),
    "sigmoid: no slot for background": Mutant(SIGMOID, background_without_a_slot, "one-hot labels without background"),
    "sigmoid: mean over the slots": Mutant(SIGMOID, mean_over_slots, "Keras' BinaryCrossentropy"),
    "sigmoid: logarithm of a clamped score": Mutant(SIGMOID, logarithm_of_a_sigmoid, "Keras' BinaryCrossentropy"),
    "sigmoid: mined by slot 0 alone": Mutant("loss.multibox_sums", sums_mined_by_slot_0, "ports of mining", "scores"),
    "sigmoid: slot 0 is detected": Mutant("detect.candidates", candidates_of_every_slot, "exports of raw heads", "scores"),
    "mining pooled over the batch": Mutant("loss._hardest", pooled_mining, "ssd_keras"),
    "mining ties to the last": Mutant("loss._hardest", mining_ties_to_the_last, "five leave it open"),
    "positives count as negatives too": Mutant("loss._hardest", mining_among_all, "torchvision, FurkanOM"),
    "ignored ground truth is dropped": Mutant("matcher.IGNORED", -1, "amdegroot, lufficc: keep_difficult=False"),
    "ignored ground truth claims": Mutant("matcher.match", match_claiming_all, "ports that ignore after matching"),
    "ignored boxes are mined": Mutant("loss._hardest", mining_the_ignored, "masks of positives alone"),
    "ignored boxes have a label out of range": Mutant("loss.IGNORED", -1, "ports with an ignore label that the loss does not know"),
    "class weights in the box loss": Mutant("loss.multibox_sums", sums_weighted_in_both_terms, "weights of samples"),
    "class weights without background": Mutant("loss.multibox_sums", sums_with_weights_from_class_1, "lists of classes"),
    "class weights are lost": Mutant("loss.multibox_sums", sums_without_weights, "ports of the loss"),
    "divided by the weights": Mutant("loss.multibox_loss", divided_by_the_weights, "torch's cross_entropy(weight=...)"),
    "box loss masked by multiplication": Mutant("loss.multibox_sums", sums_by_multiplying, "four of ten"),
    "mean over images": Mutant("loss.multibox_loss", mean_over_images, "NVIDIA, FurkanOM"),
    "normalised per image, times batch": Mutant("loss.multibox_loss", times_batch, "SSDModel"),
    "N may be zero": Mutant("loss.multibox_loss", divide_by_zero, "lufficc"),
    "half precision stays half": Mutant("loss.at_least_float32", lambda x: x, "four of ten"),
    "suppression at the threshold": Mutant("detect.nms", nms_including_equal, "ports that use >="),
    "suppressed boxes suppress": Mutant("detect.nms", nms_by_any_better, "Fast NMS"),
    "boxes are not clipped": Mutant("boxes.clip", lambda xyxy: xyxy, "Caffe", "detect"),
    "x from the row": Mutant("default_boxes.default_boxes", default_boxes_transposed, "SSDModel"),
    "default boxes always clipped": Mutant("default_boxes.default_boxes", default_boxes_clipped, "amdegroot, lufficc"),
    "stride 2 padded at the end alone": Mutant("network.extras.convolution", convolution_same, "TensorFlow ports"),
    "pooling rounds down": Mutant(f"{VGG}.ReLUMaxPooling2D", pooling_rounded_down, "ports without ceil_mode"),
    "pooling from the other end": Mutant(f"{VGG}.ReLUMaxPooling2D", pooling_from_the_other_end, "padded by hand"),
    "heads: numbers before boxes": Mutant("network.heads.layers", KerasLayers(Reshape=heads_with_numbers_first), "ports from NCHW"),
    "heads: columns before rows": Mutant("network.heads.layers", KerasLayers(Reshape=heads_by_column), "SSDModel"),
    "L2 norm over the image": Mutant("network.layers.L2Normalize.call", normalize_over_the_image, "ports from NCHW: axis 1"),
    "means in the order of BGR": Mutant("model.layers", KerasLayers(Rescaling=means_reversed), "TensorFlow ports", "network"),
    "channels reversed": Mutant("model.layers", KerasLayers(Rescaling=pixels_reversed), "amdegroot's issues 31 and 44", "network"),
    "pixels divided by 255": Mutant("model.layers", KerasLayers(Rescaling=pixels_to_one), "Keras' habit of 0..1", "network"),
    "scaled before it is resized, and once more": Mutant(
        "data.images.resize._resized", resized_when_scaled, "ports with torchvision's transform", "pixels"
    ),
    "decay beside the momentum": Mutant("optimizer.CaffeSGD", DecoupledDecay, "Keras' weight_decay"),
    "decay as l2(w)": Mutant("optimizer.CaffeSGD", DoubledDecay, "Keras' regularizers"),
    "rate outside the velocity": Mutant("optimizer.CaffeSGD", RateOutsideTheVelocity, "torch.optim"),
    "biases at the rate of kernels": Mutant("optimizer.CaffeSGD", SlowBiases, "most ports"),
    "scores at the threshold count": Mutant("detect.detect", detect_with(score_threshold=0.2), "ports with a fixed threshold"),
    "boxes without area are detected": Mutant("detect._has_area", any_box_has_area, "torchvision"),
    "suppression across classes": Mutant("detect.detect", detect_with(class_agnostic=True), "ports with one suppression for all"),
    "suppression class by class alone": Mutant("detect.detect", detect_with(class_agnostic=False), "ports without such an option"),
    "top_k is ignored": Mutant("detect.detect", detect_with(top_k=100), "ports with a fixed top_k"),
    "end padding on both sides": Mutant(f"{V1}.body_padding", padded_at_both_ends, "keras.applications.MobileNet", "bodies"),
    "both sides padded at the end": Mutant(f"{V3}.body_padding", padded_at_the_end, "TensorFlow ports", "bodies"),
    "ReLU for ReLU6": Mutant(f"{CONVOLUTION}.layers", KerasLayers(ReLU=relu_without_limit), "ports from VGG", "descriptions"),
    "ReLU6 for the body's ReLU": Mutant(
        f"{V3}.Row.activation", property(lambda row: "relu6" if row[4] == "relu" else row[4]), "ports from MobileNetV2", "bodies"
    ),
    "tapped before the activation": Mutant("network.backbones.BODIES", TAPPED_EARLY, "ports that tap a normalisation", "bodies"),
    "epsilon of 1e-5": Mutant(
        f"{CONVOLUTION}.BatchNormalization", normalisation_with(epsilon=1e-5), "torch's default", "descriptions"
    ),
    "momentum turned round": Mutant(
        f"{CONVOLUTION}.BatchNormalization",
        normalisation_with_momentum_turned_round,
        "ports between torch and Keras",
        "descriptions",
    ),
    "reciprocal before the ratio": Mutant("config.boxes._oblong", reciprocal_first, "mmdetection", "default_boxes"),
    "larger square last": Mutant("config.boxes.caffe_shapes", larger_square_last, "the OD API", "default_boxes"),
    "six boxes in the first map": Mutant("config.boxes.od_api_shapes", six_in_the_first_map, "qfgaohao's mb2", "default_boxes"),
    "4x4 of SSD512 as 3x3": Mutant("network.extras.convolution", kernel_of_three_at_most, "ports from SSD300", "descriptions"),
    "all channels are inputs of each": Mutant(
        f"{CONVOLUTION}.he_normal_of_each_channel", keras.initializers.HeNormal, "Keras' he_normal", "descriptions"
    ),
    "squeezed channels without ReLU": Mutant(
        f"{V3}.layers", KerasLayers(ReLU=excited_without_relu("linear")), "ports that join both convolutions", "bodies"
    ),
    "hard sigmoid as sigmoid": Mutant(
        f"{V3}.layers", KerasLayers(Activation=activation_as("hard_sigmoid", "sigmoid")), "ports from SENet", "bodies"
    ),
    "hard swish as swish": Mutant(
        f"{CONVOLUTION}.layers", KerasLayers(Activation=activation_as("hard_silu", "silu")), "ports from EfficientNet", "bodies"
    ),
}
