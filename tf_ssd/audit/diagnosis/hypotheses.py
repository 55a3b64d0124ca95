"""The catalogue of errors: each a sentence, and a small change of the rules."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tf_ssd.audit.diagnosis.rules import Rules
from tf_ssd.config import ScoreKind

CONTRACT = Rules()


@dataclass(frozen=True)
class Hypothesis:
    """An error or another convention.

    Attributes:
        name: short, for programs.
        sentence: what the loss does.
        group: field of `Rules`.
        changes: fields of that group and their values.
        scores: the kind of scores that it is possible with; None for both.
        vague: it allows several answers, so that a precise one is named rather than this.
    """

    name: str
    sentence: str
    group: str
    changes: tuple[tuple[str, Any], ...]
    scores: ScoreKind | None = None
    vague: bool = False


def changed(hypotheses: Iterable[Hypothesis]) -> Rules | None:
    """The contract with all these changes; None if two of them change the same thing."""
    rules = CONTRACT
    touched: set[tuple[str, str]] = set()
    for hypothesis in hypotheses:
        names = {(hypothesis.group, name) for name, _ in hypothesis.changes}
        if names & touched:
            return None
        touched |= names
        rules = replace(rules, **{hypothesis.group: _changed(getattr(rules, hypothesis.group), hypothesis.changes)})
    return rules


@cache  # so that equal rules are one object
def _changed(group: Any, changes: tuple[tuple[str, Any], ...]) -> Any:
    return replace(group, **dict(changes))


def of_kind(scores: ScoreKind, *, given_targets: bool) -> tuple[Hypothesis, ...]:
    """The errors that a loss with such scores can have; one that is given its targets neither matches nor encodes."""
    left_out = ("matching", "encoding") if given_targets else ()
    return tuple(one for one in CATALOGUE if one.scores in (None, scores) and one.group not in left_out)


def _group(group: str, *rows: tuple[str, str, dict[str, Any]], scores: ScoreKind | None = None) -> Iterator[Hypothesis]:
    for name, sentence, changes in rows:
        yield Hypothesis(name, sentence, group, tuple(changes.items()), scores)


REFUSING = _group(
    "refusing",
    ("unlabelled-raises", "an image without labels raises an exception", {"unlabelled": True}),
    ("no-area-raises", "a row without area raises an exception", {"no_area": True}),
    ("label-beyond-raises", "a label beyond the classes raises an exception", {"beyond": True}),
)
MATCHING = _group(
    "matching",
    ("overlap-in-pixels", "the overlap counts one more pixel in width and height (+ 1)", {"overlap": "pixels"}),
    ("overlap-over-smaller", "the intersection is divided by the smaller area instead of the union", {"overlap": "smaller"}),
    ("overlap-unclamped", "negative sides of an intersection are multiplied instead of cut at 0", {"overlap": "unclamped"}),
    ("clipped", "ground truth is clipped to the image before matching and encoding", {"clipped": "always"}),
    (
        "clipped-for-overlap",
        "ground truth is clipped to the image for the overlap, but not for the offsets",
        {"clipped": "overlap"},
    ),
    ("corners-sorted", "exchanged corners of an annotation are put in order, and the box is matched", {"corners": "sorted"}),
    ("threshold-low", "the threshold of matching is lower than 0.5", {"threshold": 0.4}),
    (
        "threshold-strict",
        "an overlap equal to the threshold is background: > instead of >=, or an epsilon in the IoU",
        {"strict": True},
    ),
    ("threshold-high", "the threshold of matching is higher than 0.5", {"threshold": 0.55}),
    (
        "no-threshold",
        "default boxes above the threshold are not positive: each object has its claimed box alone",
        {"threshold": 2.0},
    ),
    ("claims-by-row", "objects claim default boxes in the order of their rows, not in that of their overlaps", {"claims": "rows"}),
    ("claims-last", "claims by argmax: the last of several objects wins a default box, the others are lost", {"claims": "last"}),
    ("claims-first", "claims by argmax: the first of several objects wins a default box, the others are lost", {"claims": "first"}),
    ("claims-best", "claims by argmax: the best of several objects wins a default box, the others are lost", {"claims": "best"}),
    ("no-claims", "objects claim no default box: the threshold alone decides", {"claims": "none"}),
    ("no-bound", "claims have no lower bound: an object that overlaps nothing takes a default box all the same", {"bound": -1.0}),
    ("bound-0", "any overlap above 0 claims a default box; the lower bound of 1e-6 is missing", {"bound": 0.0}),
    ("row-ties-last", "of two objects that overlap a default box equally, the last takes it", {"row_ties": "last"}),
    ("claims-overridden", "a claimed default box goes to another object that overlaps it more", {"overridden": True}),
    ("no-area-kept", "rows without area are matched", {"no_area": "kept"}),
    ("padding-claims", "rows of label 0 (padding) claim default boxes, which are then background", {"padding": "boxes"}),
    ("padding-matched", "rows of label 0 (padding) are matched as objects", {"padding": "objects"}),
    ("padding-half", "rows of label 0 are objects to the box loss and to N, background to the class loss", {"padding": "half"}),
    ("unlabelled-invented", "an image without labels gets an invented box over the whole image", {"invented": True}),
)
ENCODING = _group(
    "encoding",
    *(
        (f"variances-{name}", f"variances ({centre:g}, {size:g}) instead of (0.1, 0.2){why}", {"variances": (centre, size)})
        for name, centre, size, why in (
            ("swapped", 0.2, 0.1, ": exchanged"),
            ("0.1", 0.1, 0.1, ": 0.1 for width and height too"),
            ("0.2", 0.2, 0.2, ": 0.2 for the centre too"),
            ("missing", 1.0, 1.0, ": missing"),
            ("missing-for-centres", 1.0, 0.2, ": missing for the centre"),
            ("missing-for-sizes", 0.1, 1.0, ": missing for width and height"),
            ("multiplied", 10.0, 5.0, ": multiplied by instead of divided by"),
        )
    ),
    ("order-yxhw", "offsets in the order y, x, height, width", {"order": (1, 0, 3, 2)}),
    ("order-whxy", "offsets in the order width, height, x, y", {"order": (2, 3, 0, 1)}),
    ("order-xywh-mixed", "offsets in the order x, width, y, height", {"order": (0, 2, 1, 3)}),
    ("sizes-linear", "width and height are encoded without a logarithm", {"kind": "linear"}),
    ("sizes-binary", "width and height are encoded by a logarithm to the base 2", {"kind": "binary"}),
    ("shift-undivided", "the shift of the centre is not divided by the default box's size", {"kind": "fractions"}),
    ("shift-in-pixels", "the shift of the centre is encoded in pixels", {"kind": "pixels"}),
    ("shift-by-own-size", "the shift of the centre is divided by the object's size, not the default box's", {"kind": "own size"}),
    ("corners", "the corners are encoded instead of centre and size", {"kind": "corners"}),
    (
        "corners-by-size",
        "the corners are encoded, over the default box's size, instead of centre and size",
        {"kind": "corners by size"},
    ),
    ("no-limit", "decoding has no limit of the size (Caffe)", {"limit": float("inf")}),
)
BOX_COST = _group(
    "box_cost",
    ("l1", "L1 instead of smooth L1", {"kind": "L1"}),
    ("l2", "squared error instead of smooth L1", {"kind": "L2"}),
    ("half-l2", "half the squared error instead of smooth L1", {"kind": "half L2"}),
    *((f"beta-{beta:.2g}", f"smooth L1 with beta = {beta:.2g} instead of 1", {"beta": beta}) for beta in (1 / 9, 0.5, 2.0)),
    *(
        (f"delta-{beta:.2g}", f"Huber with delta = {beta:.2g} instead of smooth L1 (delta = 1)", {"kind": "Huber", "beta": beta})
        for beta in (0.5, 2.0)
    ),
    ("boxes-everywhere", "the offsets of background boxes are trained too, towards 0", {"everywhere": True}),
    (
        "masked-by-product",
        "offsets of background boxes are multiplied by 0 instead of left out: NaN x 0 is NaN",
        {"masked": "product"},
    ),
    (
        "masked-afterwards",
        "the offsets of background boxes are left out after their cost was computed: NaN x 0 in the gradient",
        {"masked": "after"},
    ),
    ("mean-over-offsets", "the box loss is the mean over the four offsets instead of their sum", {"mean": True}),
)
CLASS_COST = (
    *_group(
        "class_cost",
        *((f"clamp-{e:g}", f"scores are clamped at {e:g} before the logarithm", {"clamp": e}) for e in (1e-15, 1e-12, 1e-7)),
        *(
            (f"epsilon-{e:g}", f"{e:g} is added to scores before the logarithm", {"clamp": e, "added": True})
            for e in (1e-15, 1e-12, 1e-7)
        ),
        ("label-shifted", "positives are trained on the logit of their label - 1", {"shift": -1}),
        ("background-last", "the background has the last logit, and classes begin at the first", {"background": -1}),
        ("nan-ranked-away", "a NaN in a negative is ranked away in silence", {"nan": "ranked away"}),
        ("nan-in-gradient", "a NaN in a negative is ranked away, and left in the gradient", {"nan": "in the gradient"}),
        ("label-beyond-free", "a label beyond the classes has a box loss and no class loss", {"beyond": "nothing"}),
        ("label-beyond-last", "a label beyond the classes is taken for the last class", {"beyond": "last"}),
        ("one-hot-product", "log scores are multiplied by the one-hot label: 0 x infinity is NaN", {"product": True}),
    ),
    *_group(
        "class_cost",
        ("sigmoids", "sigmoids instead of a softmax", {"scores": "sigmoid"}),
        ("exp-overflows", "exp of logits without subtraction of the largest", {"exponential": "naive"}),
        ("one-maximum", "the softmax subtracts one maximum of the whole batch", {"exponential": "one maximum"}),
        ("focal", "focal loss (gamma 2) instead of cross entropy", {"gamma": 2.0}),
        scores="softmax",
    ),
    *_group(
        "class_cost",
        ("softmax", "a softmax instead of sigmoids", {"scores": "softmax"}),
        ("mean-over-slots", "the mean over the slots instead of their sum", {"mean": True}),
        ("slot-0-untrained", "slot 0 is not trained", {"slot_0": "untrained"}),
        ("slot-0-never-wanted", "slot 0 has the target 0 in background boxes too", {"slot_0": "never wanted"}),
        scores="sigmoid",
    ),
)
MINING = (
    *_group(
        "mining",
        *((f"ratio-{ratio}", f"{ratio} negatives for each positive instead of 3", {"ratio": ratio}) for ratio in (1, 2, 4, 5, 10)),
        ("ratio-fixed", "negative_ratio is not listened to: always 3", {"fixed": True}),
        ("min-negatives-added", "min_negatives is added to the negatives instead of a lower bound", {"minimum": "added"}),
        ("min-negatives-ignored", "min_negatives is not listened to", {"minimum": "ignored"}),
        *((f"at-least-{n}", f"at least {n} negatives in every image, without labels too", {"at_least": n}) for n in (1, 3, 10)),
        ("all-negatives", "all negatives take part: nothing is mined", {"taken": "all"}),
        ("no-negatives", "no negatives take part", {"taken": "none"}),
        ("ranked-by-class", "negatives are ranked by the score of their best class", {"ranking": "best class"}),
        ("easiest", "the easiest negatives are taken", {"ranking": "easiest"}),
        (
            "positives-mined-last",
            "positives are mined when negatives run out, and count twice",
            {"positives": "last", "again": True},
        ),
        ("positives-ranked", "positives are left in the ranking, by their own label", {"positives": "own"}),
        (
            "positives-ranked-twice",
            "positives are left in the ranking, by their own label, and count twice",
            {"positives": "own", "again": True},
        ),
        (
            "positives-ranked-at-0",
            "positives are ranked as if they cost 0, and displace negatives that cost nothing",
            {"positives": "zero"},
        ),
        ("positives-ranked-as-background", "positives are left in the ranking, as background", {"positives": "background"}),
        (
            "positives-mined-as-background",
            "positives are left in the ranking and mined as background, so that they count twice",
            {"positives": "background", "again": True},
        ),
        ("pooled", "mining is pooled over the batch", {"pooled": True}),
        ("ties-highest", "ties in the ranking go to the highest index", {"ties": "highest"}),
        ("ties-all", "all ties at the cut are taken", {"ties": "all"}),
        ("no-positives", "positives are not in the class loss", {"positives_cost": False}),
    ),
    *_group(
        "mining",
        ("ranked-by-logit", "negatives are ranked by the background's logit", {"ranking": "background logit"}),
        ("ranked-with-one-maximum", "the ranking subtracts one maximum of the whole batch", {"ranking": "one maximum"}),
        scores="softmax",
    ),
    *_group("mining", ("ranked-by-slot-0", "negatives are ranked by slot 0 alone", {"ranking": "slot 0"}), scores="sigmoid"),
    Hypothesis("ties-any", "ties in the ranking are decided by an unstable sort", "mining", (("ties", "any"),), vague=True),
)
NORMALIZING = _group(
    "normalizing",
    ("n-image", "each image is divided by its own N, then averaged", {"kind": "image"}),
    ("n-sum", "each image is divided by its own N, then added up: the loss grows with the batch", {"kind": "sum"}),
    ("n-images", "divided by the batch size instead of the positives", {"kind": "images"}),
    ("n-boxes", "divided by the number of default boxes of the batch", {"kind": "boxes"}),
    ("n-boxes-of-an-image", "divided by the number of default boxes of one image", {"kind": "boxes of an image"}),
    ("n-taken", "divided by positives + negatives", {"kind": "taken"}),
    ("n-objects", "divided by the number of objects instead of the positives", {"kind": "objects"}),
    ("n-none", "not divided: sums instead of means", {"kind": "none"}),
    ("classes-by-taken", "the class loss is divided by positives + negatives", {"classes": "taken"}),
    ("classes-by-boxes", "the class loss is divided by the number of default boxes", {"classes": "boxes"}),
    ("classes-by-images", "the class loss is divided by the batch size", {"classes": "images"}),
    ("classes-undivided", "the class loss is not divided", {"classes": "none"}),
    ("n-times-images", "divided by N and by the batch size", {"by_images": True}),
    ("n-not-guarded", "divided by N without a lower bound of 1: 0 / 0 where nothing is positive", {"least": 0}),
    ("normalizer-ignored", "normalizer is not listened to", {"ignored": True}),
    *((f"alpha-{alpha:g}", f"the box loss has a factor of {alpha:g}", {"alpha": alpha}) for alpha in (0.5, 2.0, 5.0, 10.0)),
    ("alpha-ignored", "alpha is not listened to", {"fixed_alpha": True}),
    ("alpha-on-classes", "alpha weighs the class loss instead of the box loss", {"other_term": True}),
    ("each-replica", "each replica is divided by its own N, then averaged", {"each_replica": True}),
    ("half-precision", "float16 predictions are added up in float16, and overflow", {"half": True}),
)
CATALOGUE: tuple[Hypothesis, ...] = (*REFUSING, *MATCHING, *ENCODING, *BOX_COST, *CLASS_COST, *MINING, *NORMALIZING)
BY_NAME: dict[str, Hypothesis] = {one.name: one for one in CATALOGUE}
