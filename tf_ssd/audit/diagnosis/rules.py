"""Every choice that a MultiBox loss makes, one field each. The defaults are the contract; an error is another value."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Refusing:
    """Which input raises an exception: an image without labels, a row without area, a label beyond the classes."""

    unlabelled: bool = False
    no_area: bool = False
    beyond: bool = False


@dataclass(frozen=True)
class Matching:
    """Which default boxes are positive, and for which object.

    Attributes:
        overlap: "iou"; "pixels": with one more pixel of 300 in each side; "smaller": over the smaller area; "unclamped": negative
            sides of an intersection are multiplied.
        clipped: objects are cut to the image "never", for the "overlap" alone, or "always".
        corners: exchanged corners are left "as given" or "sorted".
        threshold: overlap of a positive box.
        strict: an overlap equal to the threshold is background.
        claims: who gets a default box of its own. "bipartite": best pairs first; "rows": each row takes its best free box; "last",
            "first", "best": each row wants its best box, and of several rows one gets it; "none": the threshold alone decides.
        bound: a claimed box overlaps its object by more than this.
        row_ties: which of equally overlapping objects a box takes, the "first" or the "last".
        overridden: the better overlap takes a claimed box away.
        no_area: rows without area are left "out", or "kept".
        padding: rows of label 0 are left "out"; claim "boxes" that then are background; are "objects"; or are objects to the box
            loss alone ("half").
        invented: an image without rows gets a box of class 0 over the whole image.
    """

    overlap: Literal["iou", "pixels", "smaller", "unclamped"] = "iou"
    clipped: Literal["never", "overlap", "always"] = "never"
    corners: Literal["as given", "sorted"] = "as given"
    threshold: float = 0.5
    strict: bool = False
    claims: Literal["bipartite", "rows", "last", "first", "best", "none"] = "bipartite"
    bound: float = 1e-6
    row_ties: Literal["first", "last"] = "first"
    overridden: bool = False
    no_area: Literal["out", "kept"] = "out"
    padding: Literal["out", "boxes", "objects", "half"] = "out"
    invented: bool = False


@dataclass(frozen=True)
class Encoding:
    """Offsets of a matched box.

    Attributes:
        variances: divisors of centre and size.
        order: where x, y, width and height stand.
        kind: "paper": shift over the default box's size, logarithm of the growth; "linear": growth - 1 without logarithm;
            "binary": logarithm to the base 2; "fractions": the shift is not divided by the size; "pixels": nor is it a fraction,
            but pixels of 300; "corners": shifts of the corners; "corners by size": over the default box's size; "own size": shift
            over the object's own size.
        limit: largest growth in decoding.
    """

    variances: tuple[float, float] = (0.1, 0.2)
    order: tuple[int, int, int, int] = (0, 1, 2, 3)
    kind: Literal["paper", "linear", "binary", "fractions", "pixels", "corners", "corners by size", "own size"] = "paper"
    limit: float = 1000 / 16


@dataclass(frozen=True)
class BoxCost:
    """The cost of offsets.

    Attributes:
        kind: of an offset's error.
        beta: where smooth L1 becomes linear.
        everywhere: boxes without object are trained towards offsets 0.
        masked: what is not positive is left out "before" anything is computed; or "after" that, so that its gradient may be
            NaN x 0; or it is multiplied by 0 ("product").
        mean: over the four offsets instead of their sum.
    """

    kind: Literal["smooth L1", "Huber", "L1", "L2", "half L2"] = "smooth L1"
    beta: float = 1.0
    everywhere: bool = False
    masked: Literal["before", "after", "product"] = "before"
    mean: bool = False


@dataclass(frozen=True)
class ClassCost:
    """The cost of a row of logits.

    Attributes:
        scores: "softmax" or "sigmoid"; None: what the case asks for.
        clamp: least score in the logarithm.
        added: the clamp is added to the score instead.
        exponential: "exact"; "naive": exp of the logits themselves in float32; "one maximum": of their distance to the largest of
            the batch.
        shift: a positive's slot is its label plus this.
        background: slot of the background, 0 or -1, the last; in the latter case classes begin at slot 0.
        mean: over the slots of sigmoids instead of their sum.
        slot_0: of sigmoids: "trained", "untrained", or with target 0 ("never wanted").
        gamma: of the focal loss.
        nan: a NaN row is "loud"; or left out in silence unless it is a positive ("ranked away"); or only its gradient is NaN then
            ("in the gradient").
        beyond: a label beyond the classes is "loud" (NaN), costs "nothing", or is the "last" class.
        product: log scores are multiplied by the one-hot label: 0 x infinity for a class of probability 0.
    """

    scores: Literal["softmax", "sigmoid"] | None = None
    clamp: float = 0.0
    added: bool = False
    exponential: Literal["exact", "naive", "one maximum"] = "exact"
    shift: int = 0
    background: Literal[0, -1] = 0
    mean: bool = False
    slot_0: Literal["trained", "untrained", "never wanted"] = "trained"
    gamma: float = 0.0
    nan: Literal["loud", "ranked away", "in the gradient"] = "loud"
    beyond: Literal["loud", "nothing", "last"] = "loud"
    product: bool = False


@dataclass(frozen=True)
class Mining:
    """Which boxes take part in the class loss.

    Attributes:
        ratio: negatives for each positive where the case asks for nothing else.
        fixed: `negative_ratio` is not listened to.
        minimum: `min_negatives` is the larger of two numbers ("most"), is "added" to the other, or "ignored".
        at_least: least number of negatives of an image.
        taken: the "mined" boxes, "all", or "none".
        ranking: by background cross entropy ("entropy"), the best class's score ("best class"), the background's logit, the cross
            entropy with one maximum for the batch, slot 0 of sigmoids; or the "easiest" are taken.
        positives: in the ranking they are left "out"; stand "last" (so that they are mined when negatives run out); or have the
            cross entropy "zero", their "own", or that of the "background".
        again: a positive that is mined counts twice.
        pooled: ranked over the batch.
        ties: go to the "lowest" or "highest" box; "all" are taken; "any": in no order.
        positives_cost: positives are in the class loss.
    """

    ratio: float = 3
    fixed: bool = False
    minimum: Literal["most", "added", "ignored"] = "most"
    at_least: int = 0
    taken: Literal["mined", "all", "none"] = "mined"
    ranking: Literal["entropy", "best class", "background logit", "one maximum", "slot 0", "easiest"] = "entropy"
    positives: Literal["out", "last", "zero", "own", "background"] = "out"
    again: bool = False
    pooled: bool = False
    ties: Literal["lowest", "highest", "all", "any"] = "lowest"
    positives_cost: bool = True


@dataclass(frozen=True)
class Normalizing:
    """What the sums are divided by.

    Attributes:
        kind: positives of the "batch"; of each "image", averaged; or added up ("sum"); "images": the batch size; "boxes": all
            default boxes; "boxes of an image"; "taken": positives and negatives; "objects": rows of the annotation; "none".
        classes: the class loss has the "same" divisor, or its own: "taken", "boxes", "images", "none".
        by_images: divided by the batch size as well.
        least: least N; 0: a division by zero where there are no positives.
        ignored: `normalizer` is not listened to.
        alpha: further factor of the box loss.
        fixed_alpha: `alpha` is not listened to.
        other_term: `alpha` weighs the class loss.
        each_replica: divides by its own N.
        half: sums of float16 predictions are made in float16.
    """

    kind: Literal["batch", "image", "sum", "images", "boxes", "boxes of an image", "taken", "objects", "none"] = "batch"
    classes: Literal["same", "taken", "boxes", "images", "none"] = "same"
    by_images: bool = False
    least: int = 1
    ignored: bool = False
    alpha: float = 1.0
    fixed_alpha: bool = False
    other_term: bool = False
    each_replica: bool = False
    half: bool = False


@dataclass(frozen=True)
class Rules:
    """All choices, in the order in which a loss makes them."""

    refusing: Refusing = field(default_factory=Refusing)
    matching: Matching = field(default_factory=Matching)
    encoding: Encoding = field(default_factory=Encoding)
    box_cost: BoxCost = field(default_factory=BoxCost)
    class_cost: ClassCost = field(default_factory=ClassCost)
    mining: Mining = field(default_factory=Mining)
    normalizing: Normalizing = field(default_factory=Normalizing)
