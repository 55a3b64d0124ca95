"""From network output to detections: scores, decode, per-class non-maximum suppression."""

from typing import NamedTuple

import tensorflow as tf

from tf_ssd import boxes, coder
from tf_ssd.config import ScoreKind
from tf_ssd.numerics.precision import at_least_float32
from tf_ssd.scores import probabilities

SCORE_THRESHOLD, IOU_THRESHOLD, TOP_K, MAX_DETECTIONS = 0.01, 0.45, 400, 200
_NONE = -1.0  # the score of what is no candidate
AT_ONCE = 200  # up to so many boxes, suppression computes the overlap of every pair


class Ranked(NamedTuple):
    """What goes through suppression, in S sets of up to k by descending score: a set for each class, or one of all classes.

    boxes (..., S, k, 4) xyxy fractions inside the image, labels (..., S, k) int32 in 1..C-1, scores (..., S, k). Rows after the
    last candidate score -1.
    """

    boxes: tf.Tensor
    labels: tf.Tensor
    scores: tf.Tensor


class Detections(NamedTuple):
    """The best detections of each image, by descending score, padded with zeros; `count` (B,) int32 of them are real.

    boxes (B, D, 4) xyxy fractions inside the image, labels (B, D) int32 in 1..C-1, scores (B, D).
    """

    boxes: tf.Tensor
    labels: tf.Tensor
    scores: tf.Tensor
    count: tf.Tensor


def detect(
    offsets: tf.Tensor,
    logits: tf.Tensor,
    default_boxes: tf.Tensor,
    *,
    variances: tuple[float, float] = coder.VARIANCES,
    max_log_scale: float | None = coder.MAX_LOG_SCALE,
    score_threshold: float = SCORE_THRESHOLD,
    iou_threshold: float = IOU_THRESHOLD,
    top_k: int = TOP_K,
    max_detections: int = MAX_DETECTIONS,
    class_agnostic: bool = False,
    scores: ScoreKind = "softmax",
) -> Detections:
    """Detections of each image (Liu et al. 2016, section 3; boxes are clipped before suppression as torchvision does).

    Per class the `top_k` best scores above `score_threshold` go through greedy suppression, which drops a box whose IoU with a
    better kept one exceeds `iou_threshold`; the best `max_detections` of all classes remain. Ties go to the lowest class, then the
    lowest default box. A box without area inside the image is never a detection and takes no place among the `top_k`, whatever its
    score. With `class_agnostic` each box counts for its best class alone, and all classes are one set: the `top_k` best of it go
    through one suppression, and ties go to the lowest default box.

    Cost: linear in B and C, at most K log K, for the best `top_k` of a class; suppression does not depend on K, see `nms`.

    Args:
        offsets: (B, K, 4); float16 and bfloat16 are computed in float32.
        logits: (B, K, C), class 0 is background.
        default_boxes: (K, 4) cxcywh, fractions.
        variances: of the offsets, see `coder.decode`.
        max_log_scale: limit of a box's size, see `coder.decode`.
        score_threshold: what a score must exceed.
        iou_threshold: the largest overlap of two detections of a set.
        top_k: most candidates of a set.
        max_detections: D.
        class_agnostic: whether all classes are one set.
        scores: the kind of scores that the logits stand for, see `scores.probabilities`; of either kind slot 0 is ignored.

    Raises:
        ValueError: the kind of scores has another name.
    """
    decoded, class_scores = candidates(
        offsets, logits, default_boxes, variances=variances, max_log_scale=max_log_scale, scores=scores
    )

    @tf.autograph.experimental.do_not_convert  # to read its code takes eager callers longer than to run it
    def select_in_image(image: tuple[tf.Tensor, tf.Tensor]) -> Detections:
        return select(
            *image,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            top_k=top_k,
            max_detections=max_detections,
            class_agnostic=class_agnostic,
        )

    # Images are taken one after another: the overlaps of all of them together would fill the memory.
    signature = Detections(decoded.dtype, tf.int32, class_scores.dtype, tf.int32)
    return tf.map_fn(select_in_image, (decoded, class_scores), fn_output_signature=signature)


def candidates(
    offsets: tf.Tensor,
    logits: tf.Tensor,
    default_boxes: tf.Tensor,
    *,
    variances: tuple[float, float] = coder.VARIANCES,
    max_log_scale: float | None = coder.MAX_LOG_SCALE,
    scores: ScoreKind = "softmax",
) -> tuple[tf.Tensor, tf.Tensor]:
    """What suppression chooses from: boxes (B, K, 4), xyxy fractions inside the image, and scores (B, C - 1, K) without background.

    Arguments and errors as for `detect`.
    """
    offsets, logits = at_least_float32(offsets), at_least_float32(logits)
    decoded = coder.decode(offsets, tf.cast(default_boxes, offsets.dtype), variances=variances, max_log_scale=max_log_scale)
    return boxes.clip(decoded), tf.transpose(probabilities(logits, scores=scores)[..., 1:], [0, 2, 1])


def select(
    image_boxes: tf.Tensor,
    scores: tf.Tensor,
    *,
    score_threshold: float = SCORE_THRESHOLD,
    iou_threshold: float = IOU_THRESHOLD,
    top_k: int = TOP_K,
    max_detections: int = MAX_DETECTIONS,
    class_agnostic: bool = False,
) -> Detections:
    """The detections among the `candidates` of an image, or of all images of a batch at once: (..., K, 4) and (..., C - 1, K).

    Other arguments as for `detect`. All images' overlaps are in memory together: C * top_k^2 numbers an image, a quarter of that
    where suppression goes half by half, see `nms`.
    """
    best = ranked(image_boxes, scores, score_threshold=score_threshold, top_k=top_k, class_agnostic=class_agnostic)
    kept = nms(best.boxes, best.scores > _NONE, iou_threshold=iou_threshold)
    return _best(best._replace(scores=tf.where(kept, best.scores, _NONE)), max_detections)


def ranked(
    image_boxes: tf.Tensor,
    scores: tf.Tensor,
    *,
    score_threshold: float = SCORE_THRESHOLD,
    top_k: int = TOP_K,
    class_agnostic: bool = False,
) -> Ranked:
    """The candidates that suppression has to choose from: those that have an area and score more than the threshold, `top_k` a set.

    Arguments as for `select`.
    """
    # NaN, which has no place in an order, is not above the threshold either; a box with NaN has no area.
    eligible = (scores > score_threshold) & _has_area(image_boxes)[..., None, :]  # (..., C - 1, K)
    scores = tf.where(eligible, scores, _NONE)
    if class_agnostic:
        best_class = tf.argmax(scores, axis=-2, output_type=tf.int32) + 1  # (..., K)
        scores = tf.reduce_max(scores, axis=-2, keepdims=True)  # (..., 1, K)
    best, index = tf.math.top_k(scores, k=min(top_k, scores.shape[-1]))  # (..., S, k)
    sets, batched = index.shape[-2], index.shape.rank - 2
    if class_agnostic:
        labels = tf.gather(best_class, index, batch_dims=batched)  # (..., 1, k)
    else:
        labels = tf.zeros_like(index) + tf.range(1, sets + 1)[:, None]  # (..., C - 1, k)
    return Ranked(tf.gather(image_boxes, index, batch_dims=batched), labels, best)


def _has_area(image_boxes: tf.Tensor) -> tf.Tensor:
    return boxes.area(image_boxes) > 0


def nms(boxes_xyxy: tf.Tensor, candidates: tf.Tensor, *, iou_threshold: float) -> tf.Tensor:
    """Greedy non-maximum suppression of boxes already sorted by descending score, any number of independent sets at once.

    A box survives if no surviving box before it overlaps it by more than `iou_threshold`. Up to AT_ONCE boxes are settled together,
    more of them half by half: the better half does not depend on the other.

    Cost: N^2 overlaps, for many boxes half of them; those of boxes that are settled together are looked at in a few rounds.

    Args:
        boxes_xyxy: (..., N, 4).
        candidates: (..., N) bool; the others neither survive nor suppress.

    Returns:
        (..., N) bool.
    """
    number = boxes_xyxy.shape[-2]
    if number is None or number <= AT_ONCE:
        return _settle(boxes_xyxy, candidates, iou_threshold)
    better, worse = boxes_xyxy[..., : number // 2, :], boxes_xyxy[..., number // 2 :, :]
    survivors = nms(better, candidates[..., : number // 2], iou_threshold=iou_threshold)
    overlapping = boxes.iou(better, worse) > iou_threshold  # (..., N / 2 better, N / 2)
    left = candidates[..., number // 2 :] & ~tf.reduce_any(overlapping & survivors[..., None], axis=-2)
    return tf.concat([survivors, nms(worse, left, iou_threshold=iou_threshold)], axis=-1)


def _settle(boxes_xyxy: tf.Tensor, candidates: tf.Tensor, iou_threshold: float) -> tf.Tensor:
    """`nms` of a few boxes.

    Whether a box survives depends on better boxes alone, so the rule of `nms` has exactly one solution. Each round applies the rule
    to all boxes at once, and the rounds end when nothing changes. The first n boxes are final after n rounds at the latest; in
    practice a few rounds are enough.
    """
    overlapping = boxes.iou(boxes_xyxy, boxes_xyxy) > iou_threshold  # (..., N, N)
    order = tf.range(tf.shape(boxes_xyxy)[-2])
    rivals = overlapping & (order[:, None] < order)  # (..., N better, N)

    def settle(kept: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        survivors = candidates & ~tf.reduce_any(rivals & kept[..., None], axis=-2)
        return survivors, tf.reduce_any(survivors != kept)

    return tf.while_loop(lambda _, changed: changed, settle, [candidates, tf.constant(True)])[0]


def _best(found: Ranked, max_detections: int) -> Detections:
    """The best detections of each image over all sets, padded to `max_detections`."""
    sets, k = found.scores.shape[-2:]
    images = tf.shape(found.scores)[:-2]
    all_boxes = tf.reshape(found.boxes, tf.concat([images, [sets * k, 4]], axis=0))  # (..., S * k, 4)
    all_labels, all_scores = (tf.reshape(column, tf.concat([images, [sets * k]], axis=0)) for column in found[1:])  # (..., S * k)
    scores, index = tf.math.top_k(all_scores, k=min(max_detections, sets * k))  # (..., D)
    real = scores > _NONE
    best_boxes, labels = (tf.gather(column, index, batch_dims=index.shape.rank - 1) for column in (all_boxes, all_labels))
    padding = [[0, 0]] * images.shape[0] + [[0, max_detections - scores.shape[-1]]]
    return Detections(
        boxes=tf.pad(tf.where(real[..., None], best_boxes, tf.zeros_like(best_boxes)), [*padding, [0, 0]]),
        labels=tf.pad(tf.where(real, labels, 0), padding),
        scores=tf.pad(tf.where(real, scores, tf.zeros_like(scores)), padding),
        count=tf.reduce_sum(tf.cast(real, tf.int32), axis=-1),
    )
