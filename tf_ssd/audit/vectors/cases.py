"""The audit's cases as plain data. `rule` says in a sentence what is asked, `rules` are the numbers in the specification."""

from typing import Annotated, Literal

import msgspec

from tf_ssd.audit.cases.case import Case, CoderCase, Image, LossCase
from tf_ssd.audit.cases.ledger import expected
from tf_ssd.audit.vectors.numbers import Array, Number, count_boxes, require_shape, spelled, to_array
from tf_ssd.config import ScoreKind


class ImageVector(msgspec.Struct, frozen=True):
    """One image: ground truth xyxy (G, 4) with labels (0: padding), predicted offsets (K, 4) and logits (K, C).

    The results of matching and mining follow for each default box (K,): its ground-truth row, -1 for background, and whether it is
    mined.
    """

    gt_boxes: Array
    gt_labels: list[int]
    offsets: Array
    logits: Array
    matched_row: list[int]
    mined: list[bool]

    def require(self, boxes: int, classes: int) -> None:
        """Raise ValueError unless everything is that of K default boxes and C classes."""
        require_shape("gt_boxes", self.gt_boxes, len(self.gt_labels), 4)
        require_shape("offsets", self.offsets, boxes, 4)
        require_shape("logits", self.logits, boxes, classes)
        if not len(self.matched_row) == len(self.mined) == boxes:
            raise ValueError(f"`matched_row` and `mined` must have {boxes} entries, one for each default box")
        if not all(-1 <= row < len(self.gt_labels) for row in self.matched_row):
            raise ValueError("`matched_row` names a row that `gt_boxes` does not have")


class LossVector(msgspec.Struct, frozen=True, tag="loss"):
    """A batch and its loss for one kind of class scores, with the gradients (B, K, 4) and (B, K, C) of the total.

    With `must_not_be_finite` any total that is not finite is right; NaN is written for it.
    """

    name: str
    rule: str
    rules: tuple[str, ...]
    why: str
    scores: ScoreKind
    settings: dict[str, float | str]
    float16_predictions: bool
    replicas: int
    may_be_refused: bool
    must_not_be_finite: bool
    default_boxes: Array
    images: Annotated[list[ImageVector], msgspec.Meta(min_length=1)]
    total: Number
    localization: Number
    confidence: Number
    offsets_gradient: Array
    logits_gradient: Array
    by_hand: str | None

    def __post_init__(self) -> None:
        boxes = count_boxes("default_boxes", self.default_boxes)
        classes = len(self.images[0].logits.values) // boxes
        for image in self.images:
            image.require(boxes, classes)
        require_shape("offsets_gradient", self.offsets_gradient, len(self.images), boxes, 4)
        require_shape("logits_gradient", self.logits_gradient, len(self.images), boxes, classes)


class CoderVector(msgspec.Struct, frozen=True, tag="coder"):
    """Rows (K, 4) to encode (xyxy) or decode (offsets), one for each default box cxcywh, and the result (K, 4)."""

    name: str
    rule: str
    rules: tuple[str, ...]
    why: str
    operation: Literal["encode", "decode"]
    default_boxes: Array
    values: Array
    expected: Array

    def __post_init__(self) -> None:
        boxes = count_boxes("default_boxes", self.default_boxes)
        require_shape("values", self.values, boxes, 4)
        require_shape("expected", self.expected, boxes, 4)


def vector(case: Case) -> LossVector | CoderVector:
    """A case as plain data."""
    about, default_boxes = case.about, to_array(case.default_boxes)
    if isinstance(case, CoderCase):
        return CoderVector(
            name=about.name,
            rule=about.rule,
            rules=about.numbers,
            why=about.why,
            operation=case.operation,
            default_boxes=default_boxes,
            values=to_array(case.values),
            expected=to_array(case.expected),
        )
    result = expected(case)
    return LossVector(
        name=about.name,
        rule=about.rule,
        rules=about.numbers,
        why=about.why,
        scores=case.scores,
        settings=dict(case.options),
        float16_predictions=case.half,
        replicas=case.replicas,
        may_be_refused=case.refusable,
        must_not_be_finite=case.loud,
        default_boxes=default_boxes,
        images=[_image(image, case) for image in case.images],
        total=spelled(result.total),
        localization=spelled(result.localization),
        confidence=spelled(result.confidence),
        offsets_gradient=to_array(result.offsets_gradient),
        logits_gradient=to_array(result.logits_gradient),
        by_hand=None if case.by_hand is None else case.by_hand[0],
    )


def _image(image: Image, case: LossCase) -> ImageVector:
    boxes = range(len(case.default_boxes))
    return ImageVector(
        gt_boxes=to_array(image.gt_boxes),
        gt_labels=image.gt_labels.tolist(),
        offsets=to_array(image.offsets),
        logits=to_array(image.logits),
        matched_row=[image.matches.get(box, -1) for box in boxes],
        mined=[box in image.mined for box in boxes],
    )
