"""Ground truth without area: flat, a point, inverted, not a number, infinite; alone and beside a good object."""

from tf_ssd.audit.cases.case import About, Case, LossCase
from tf_ssd.audit.cases.scene import Corners, cell, image, loss_case

GROUP = "no area"
NAN, INF = float("nan"), float("inf")
GOOD = (1, cell(0))
FLAT: Corners = (0.5, 0.25, 0.5, 0.5)
POINT: Corners = (0.375, 0.375, 0.375, 0.375)
INVERTED_X: Corners = (0.5, 0.25, 0.25, 0.5)
INVERTED: Corners = (0.5, 0.5, 0.25, 0.25)


def _nothing(name: str, corners: Corners, what: str, why: str) -> LossCase:
    """A case whose image has only this object without area."""
    rule = f"{what} overlaps nothing and matches nothing: loss 0, gradient 0."
    alone = image((2, corners), matches={})
    return loss_case(About(name, GROUP, rule, why), (alone,), stage="matching", by_hand=("0", 0.0), refusable=True)


def _beside(name: str, corners: Corners, what: str, why: str) -> LossCase:
    """A case whose image has this object without area after a good one."""
    rule = f"{what} beside a good object changes nothing."
    both = image(GOOD, (2, corners), matches={0: 0})
    return loss_case(About(name, GROUP, rule, why), (both,), stage="matching", refusable=True)


_FLAT_WHY = (
    "Annotation tools and rounding make them. The target of a box without width is ln 0: five of ten implementations return inf, "
    "two a finite loss with NaN in the gradient, which is worse. torchvision refuses the batch."
)
_INVERTED_WHY = (
    "The corners are exchanged. Five of ten implementations take the logarithm of a negative width: NaN. torchvision refuses the "
    "batch."
)

CASES: tuple[Case, ...] = (
    _nothing("zero-width-alone", FLAT, "A box without width", _FLAT_WHY),
    _beside("zero-width-beside", FLAT, "A box without width", _FLAT_WHY),
    _nothing("point-alone", POINT, "A point", _FLAT_WHY),
    _beside("point-beside", POINT, "A point", "As for point-alone; the good object must not lose its default box to the point."),
    _nothing("inverted-alone", INVERTED_X, "A box with xmin and xmax exchanged", _INVERTED_WHY),
    _beside("inverted-beside", INVERTED_X, "A box with xmin and xmax exchanged", _INVERTED_WHY),
    _nothing(
        "inverted-twice-alone",
        INVERTED,
        "A box with both corners exchanged",
        "Both sides are negative, and their product is positive: a signed area takes it for a good box.",
    ),
    _beside(
        "inverted-twice-beside",
        INVERTED,
        "A box with both corners exchanged",
        "As for inverted-twice-alone: a signed area takes it for a good box.",
    ),
    _nothing(
        "nan-corner-alone",
        (NAN, 0.25, 0.5, 0.5),
        "A box with a NaN corner",
        "A NaN passes every check of the kind `if xmax <= xmin`. In torchvision it wins every comparison of overlaps, takes all "
        "default boxes, and the loss is NaN.",
    ),
    _beside(
        "nan-corner-beside",
        (NAN, 0.25, 0.5, 0.5),
        "A box with a NaN corner",
        "As for nan-corner-alone: because of one bad row the whole batch is lost.",
    ),
    loss_case(
        About(
            "infinite-corner-beside",
            GROUP,
            "A box with an infinite corner beside a good object overlaps nothing (finite / infinite = 0) and changes nothing.",
            "A division by an image size of 0 makes one. The argmax of overlaps 0 gives it default box 0, and its target is inf.",
        ),
        (image(GOOD, (2, (0.0, 0.0, INF, INF)), matches={0: 0}),),
        stage="matching",
        refusable=True,
    ),
)
