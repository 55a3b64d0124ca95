"""Matching: which default box is responsible for which ground truth, batched, padded, XLA-compilable."""

from typing import Literal, NamedTuple

import tensorflow as tf

from tf_ssd import boxes, coder

Strategy = Literal["bipartite", "argmax"]
BACKGROUND = -1
IGNORED = -100  # the label of ground truth, and of default boxes, that are neither trained on nor background (torch's ignore_index)
MIN_OVERLAP = 1e-6  # Caffe SSD: a ground truth claims only default boxes whose IoU exceeds it


class Targets(NamedTuple):
    """What the network should predict: offsets (B, K, 4), zero but for positives, and labels (B, K) int32, 0 for background.

    The label IGNORED stands for default boxes that the loss leaves out.
    """

    offsets: tf.Tensor
    labels: tf.Tensor


def match(
    gt_boxes: tf.Tensor,
    gt_labels: tf.Tensor,
    default_boxes: tf.Tensor,
    *,
    threshold: float = 0.5,
    strategy: Strategy = "bipartite",
) -> tf.Tensor:
    """Ground-truth row of every default box.

    First each ground truth claims one default box of its own:

    - "bipartite" (Liu et al. 2016, section 2.2; Caffe SSD): repeatedly the pair of highest IoU among unmatched ground truth and
      unmatched default boxes, ties to the lowest row, then the lowest default box, while that IoU exceeds 1e-6.
    - "argmax" (torchvision and most ports): every row claims its best default box, whatever the IoU; the last row wins a collision.

    Then every other default box whose best IoU reaches `threshold` takes its best row, ties to the lowest. Rows with the label
    IGNORED claim nothing, but take part in this: so the default boxes that they cover are neither positive nor background. Rows
    with label 0 (padding) and rows without area never match.

    Cost: linear in B and K. "argmax" is linear in G. So is "bipartite" in practice: it passes over an image's (G, K) overlaps once,
    and over one row of them whenever a row's best default box goes to another row, G (G - 1) / 2 times in the worst case. Memory:
    the overlaps of one image at a time.

    Args:
        gt_boxes: (B, G, 4) xyxy, fractions.
        gt_labels: (B, G) integers, 0 for padding, IGNORED for what is neither to be found nor background.
        default_boxes: (K, 4) cxcywh, fractions.

    Returns:
        (B, K) int32, -1 for background.

    Raises:
        ValueError: the strategy has another name, or the threshold is not positive.
    """
    if threshold <= 0:
        raise ValueError(f"threshold={threshold!r}: must be positive")
    if strategy not in ("bipartite", "argmax"):
        raise ValueError(f'strategy={strategy!r}: must be "bipartite" or "argmax"')
    default_xyxy = boxes.to_xyxy(default_boxes)

    @tf.autograph.experimental.do_not_convert  # to read its code takes eager callers longer than to run it
    def match_image(image: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        return _match_image(*image, default_xyxy, threshold, strategy)

    # One image at a time: its (G, K) table of overlaps stays in the cache, where a (B, G, K) one would be written to memory.
    return tf.map_fn(match_image, _at_least_one_row(gt_boxes, gt_labels), fn_output_signature=tf.int32)


def targets(
    gt_boxes: tf.Tensor,
    gt_labels: tf.Tensor,
    default_boxes: tf.Tensor,
    *,
    variances: tuple[float, float] = coder.VARIANCES,
    threshold: float = 0.5,
    strategy: Strategy = "bipartite",
) -> Targets:
    """Match, then encode: the training targets of every default box. Arguments and cost as for `match`, and `coder.encode`."""
    gt_boxes, gt_labels = _at_least_one_row(gt_boxes, gt_labels)
    gt_index = match(gt_boxes, gt_labels, default_boxes, threshold=threshold, strategy=strategy)  # (B, K)
    matched = gt_index != BACKGROUND
    row = tf.maximum(gt_index, 0)
    offsets = coder.encode(tf.gather(gt_boxes, row, batch_dims=1), default_boxes, variances=variances)  # (B, K, 4)
    labels = tf.cast(tf.gather(gt_labels, row, batch_dims=1), tf.int32)
    labels = tf.where(matched, labels, tf.zeros_like(labels))
    return Targets(tf.where((labels > 0)[..., None], offsets, tf.zeros_like(offsets)), labels)


def _at_least_one_row(gt_boxes: tf.Tensor, gt_labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Add a padding row if there may be no rows, which could not be reduced over or gathered from."""
    if gt_labels.shape[1]:
        return gt_boxes, gt_labels
    return tf.pad(gt_boxes, [[0, 0], [0, 1], [0, 0]]), tf.pad(gt_labels, [[0, 0], [0, 1]])


def _match_image(
    gt_boxes: tf.Tensor, gt_labels: tf.Tensor, default_xyxy: tf.Tensor, threshold: float, strategy: Strategy
) -> tf.Tensor:
    """`match` for one image: (G, 4), (G,) and (K, 4) xyxy give (K,)."""
    valid = ((gt_labels > 0) | (gt_labels == IGNORED)) & (boxes.area(gt_boxes) > 0)  # (G,)
    claims = valid & (gt_labels > 0)  # (G,)
    # A box without area overlaps nothing, so zeroing the rows that may not match takes them out of every comparison below.
    overlap = boxes.iou(tf.where(valid[:, None], gt_boxes, tf.zeros_like(gt_boxes)), default_xyxy)  # (G, K)
    claimed = _claim_bipartite(overlap, claims) if strategy == "bipartite" else _claim_argmax(overlap, claims)  # (K,)
    best = tf.reduce_max(overlap, axis=0)  # (K,)
    by_threshold = tf.where(best >= threshold, _first(overlap == best, axis=0), BACKGROUND)
    return tf.where(claimed != BACKGROUND, claimed, by_threshold)


def _claim_bipartite(overlap: tf.Tensor, claims: tf.Tensor) -> tf.Tensor:
    """Greedy one-to-one claims (K,) of the rows where `claims` (G,), from the overlap (G, K).

    Pairs are totally ordered (IoU, then row, then default box), so picking the best remaining pair one at a time gives the same
    result as picking every *mutually best* pair at once, round after round: such a pair is the best of its row and of its default
    box, so that no other pair can take either of them first.
    """
    rows, no_box = tf.unstack(tf.shape(overlap))
    row = tf.range(rows)
    earlier = row[:, None] < row[None, :]  # (G rivals, G)

    def one_round(claimed: tf.Tensor, best: tf.Tensor, box: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        waiting = best > MIN_OVERLAP  # (G,)
        rival = tf.gather(overlap, box, axis=1)  # (G rivals, G): every row's overlap with each row's best box
        beaten = (rival > best) | ((rival == best) & earlier)
        mutual = waiting & ~tf.reduce_any(beaten & waiting[:, None], axis=0)
        claimed = _claim(claimed, tf.where(mutual, box, no_box))
        return claimed, *_look_again(overlap, claimed, tf.where(mutual, -tf.ones_like(best), best), box)

    best, box = _best_box(overlap)
    start = [tf.fill([no_box], BACKGROUND), tf.where(claims, best, -tf.ones_like(best)), box]
    return tf.while_loop(lambda _, best, __: tf.reduce_any(best > MIN_OVERLAP), one_round, start)[0]


def _look_again(overlap: tf.Tensor, claimed: tf.Tensor, best: tf.Tensor, box: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """New `best` (G,) and `box` (G,): a row whose best default box another row has claimed gets the best one that is still free.

    Such rows are updated one at a time: they are few, and reading one row takes a small part of the time of reading all.
    """

    def lost(best: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
        return (best > MIN_OVERLAP) & (tf.gather(claimed, box) != BACKGROUND)  # (G,)

    def look(best: tf.Tensor, box: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loser = tf.argmax(tf.cast(lost(best, box), tf.int32), output_type=tf.int32)
        row = tf.gather(overlap, loser)  # (K,); XLA would compile `overlap[loser]` anew for each batch
        free = tf.where(claimed == BACKGROUND, row, -tf.ones_like(row))
        at_loser = tf.range(tf.shape(best)[0]) == loser
        return tuple(tf.where(at_loser, new, old) for new, old in zip(_best_box(free[None]), (best, box), strict=True))

    return tf.while_loop(lambda *state: tf.reduce_any(lost(*state)), look, [best, box])


def _claim_argmax(overlap: tf.Tensor, claims: tf.Tensor) -> tf.Tensor:
    """Claims (K,) in which every row where `claims` (G,) takes its best default box and the last row wins a collision."""
    no_box = tf.shape(overlap)[1]
    _, box = _best_box(overlap)
    return _claim(tf.fill([no_box], BACKGROUND), tf.where(claims, box, no_box))


def _best_box(overlap: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Each row's largest overlap (G,), of (G, K), and the first default box (G,) that has it."""
    best = tf.reduce_max(overlap, axis=1)
    return best, _first(overlap == best[:, None], axis=1)


def _claim(claimed: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """Write each row's number at its default box `box` (G,) of `claimed` (K,); K means nowhere, and the highest row wins."""
    padded = tf.concat([claimed, [BACKGROUND]], axis=0)  # (K + 1,)
    return tf.tensor_scatter_nd_max(padded, box[:, None], tf.range(tf.shape(box)[0]))[:-1]


def _first(condition: tf.Tensor, *, axis: int) -> tf.Tensor:
    """Index (int32) of the first True of a matrix along `axis`: a minimum over integers, which vectorises where argmax does not."""
    length = tf.shape(condition)[axis]
    index = tf.range(length)[:, None] if axis == 0 else tf.range(length)
    return tf.reduce_min(tf.where(condition, index, length), axis=axis)
