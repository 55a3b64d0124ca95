"""Whether an artefact finds what TensorFlow finds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf_ssd import boxes
from tf_ssd.config import DetectionConfig, Quantize
from tf_ssd.export.inference import Outputs
from tf_ssd.metrics.images import ImageDetections
from tf_ssd.system.words import counted

SAME = 0.5  # IoU from which two boxes of a class are one detection
PIXEL = 1.0  # distance up to which corners are the same, for boxes with hardly any area


class Limits(NamedTuple):
    """How far an artefact may be off.

    Attributes:
        score: largest difference of a score.
        box_px: largest difference of a corner.
        missing: share of the detections that only one side has.
        sure: score from which a detection counts; below it, small differences decide what is found.
    """

    score: float
    box_px: float
    missing: float
    sure: float


# In float32 the order of additions differs, which changes the last digits. Suppression may decide either way on two boxes whose
# overlap equals the threshold up to these digits, hence the few detections that may be missing. The other limits are what 16 or 8
# bits may cost a sound model. With 8 bits, one score of 284 detections in photos changed by 0.26 and no detection was lost; boxes
# are then compared by their overlap alone.
LIMITS: dict[Quantize, Limits] = {
    "none": Limits(score=1e-3, box_px=0.1, missing=0.005, sure=0.0),
    "float16": Limits(score=0.02, box_px=2, missing=0.02, sure=0.3),
    "dynamic": Limits(score=0.3, box_px=np.inf, missing=0.05, sure=0.3),
    "int8": Limits(score=0.4, box_px=np.inf, missing=0.1, sure=0.3),
}


NOTHING = (
    "no detection in these pictures has a score that counts, so nothing was compared; "
    "give --images of the kind it was trained on, or train it for longer"
)


class Agreement(NamedTuple):
    """What came out of a comparison, over all pictures.

    Attributes:
        pictures: how many.
        expected, found: detections of TensorFlow and of the artefact that count.
        missing, extra: detections that only TensorFlow has, and those that only the artefact has.
        score, box_px: the largest differences of detections that both have.
    """

    pictures: int
    expected: int
    found: int
    missing: int
    extra: int
    score: float
    box_px: float

    def rows(self, limits: Limits) -> list[tuple[str, str, str, str]]:
        """Rows for a table: what is compared, TensorFlow's number, the artefact's number, and what is allowed."""
        corner = f"{limits.box_px:.2g}" if np.isfinite(limits.box_px) else f"IoU {SAME}"
        return [
            ("detections that count", str(self.expected), str(self.found), ""),
            ("only there", str(self.missing), str(self.extra), f"{limits.missing:.1%} together"),
            ("largest difference, score", "", f"{self.score:.2g}", f"{limits.score:.2g}"),
            ("largest difference, pixels", "", f"{self.box_px:.2g}", corner),
        ]

    def faults(self, limits: Limits) -> list[str]:
        """Sentences on what is beyond the limits."""
        if not self.expected:
            return [NOTHING]
        allowed = limits.missing * max(self.expected, self.found)
        checks = (
            (self.missing + self.extra <= allowed, f"{counted(self.missing, 'detection')} missing and {self.extra} too many"),
            (self.score <= limits.score, f"a score differs by {self.score:.2g}, and may by {limits.score:.2g}"),
            (self.box_px <= limits.box_px, f"a box differs by {self.box_px:.2g} pixels, and may by {limits.box_px:.2g}"),
        )
        return [fault for passed, fault in checks if not passed]


def compare(
    expected: Sequence[ImageDetections],
    found: Sequence[ImageDetections],
    limits: Limits,
    settings: DetectionConfig,
) -> Agreement:
    """Compare the detections of each picture.

    A detection counts if its score is at least `limits.sure`, and so high that rounding cannot have removed it on one side alone:
    `limits.score` above the threshold of detection and, where a side has all its `max_detections`, above the last of them.
    """
    rows = []
    for ours, theirs in zip(expected, found, strict=True):
        last = max((side.scores.min() for side in (ours, theirs) if len(side.scores) == settings.max_detections), default=0.0)
        sure = max(limits.sure, settings.score_threshold + limits.score, last + limits.score)
        missing, score, box_px = _differences(ours, theirs, sure)
        extra, _, _ = _differences(theirs, ours, sure)
        rows.append((np.sum(ours.scores >= sure), np.sum(theirs.scores >= sure), missing, extra, score, box_px))
    table = np.reshape(np.array(rows, float), (-1, 6))
    return Agreement(len(rows), *map(int, table[:, :4].sum(axis=0)), *map(float, table[:, 4:].max(axis=0, initial=0)))


def what_counts(limits: Limits, settings: DetectionConfig | None) -> str:
    """A sentence on which detections are compared; the rule of `compare` and, without settings of detection, of `compare_heads`."""
    if settings is None:
        return f"A box counts where a score on either side is {limits.sure:g} or more." if limits.sure else "Every box counts."
    sure = max(limits.sure, settings.score_threshold + limits.score)
    return (
        f"A detection counts from a score of {sure:.3g}, and where a picture has all {settings.max_detections} from "
        f"{limits.score:g} above the last: nearer to the limit, rounding may remove it on one side."
    )


def compare_heads(expected: Sequence[Outputs], found: Sequence[Outputs], limits: Limits) -> Agreement:
    """Compare boxes (K, 4) and scores (K, C - 1) before suppression, where a score on either side is `limits.sure` or more."""
    rows = []
    for ours, theirs in zip(expected, found, strict=True):
        counts = ~(np.maximum(ours["scores"], theirs["scores"]).max(axis=-1) < limits.sure)  # (K,), NaN counts
        apart = (np.abs(ours[name] - theirs[name])[counts].max(initial=0) for name in ("scores", "boxes_px"))
        rows.append((counts.sum(), *apart))
    table = np.reshape(np.array(rows, float), (-1, 3))
    count, (score, box_px) = int(table[:, 0].sum()), table[:, 1:].max(axis=0, initial=0)
    return Agreement(len(rows), count, count, 0, 0, float(score), float(box_px))


def _differences(ours: ImageDetections, theirs: ImageDetections, sure: float) -> tuple[int, float, float]:
    """How many of our detections that count have no partner, and the largest differences of partners: score, corner in pixels."""
    apart_px = np.abs(ours.boxes_px[:, None] - theirs.boxes_px).max(-1, initial=0)  # (D, D')
    # Slivers at the edge of a picture overlap with nothing, not even with themselves after rounding.
    near = (boxes.iou(ours.boxes_px, theirs.boxes_px).numpy() >= SAME) | (apart_px <= PIXEL)
    partners = near & (ours.labels[:, None] == theirs.labels)
    counts = ours.scores >= sure
    paired = partners.any(axis=1) & counts
    if not paired.any():
        return int(counts.sum()), 0.0, 0.0
    apart_px = np.where(partners, apart_px, np.inf)[paired]
    nearest = apart_px <= apart_px.min(axis=1, keepdims=True) + PIXEL  # the nearest score decides among these
    scores = np.where(nearest, np.abs(ours.scores[paired, None] - theirs.scores), np.inf)
    partner = scores.argmin(axis=1)[:, None]
    score, box_px = (float(np.take_along_axis(table, partner, axis=1).max()) for table in (scores, apart_px))
    return int(counts.sum() - paired.sum()), score, box_px
