"""Overlaps equal to the threshold, next to it, and ties."""

from tf_ssd.audit.cases.case import About, Case, Known, LossCase
from tf_ssd.audit.cases.scene import DEFAULT_BOXES, cell, changed, image, loss_case, rematched, union

GROUP = "threshold"
ABOVE_ONLY = "an overlap equal to the threshold is background (> instead of >=)"

TWO_CELLS = image((1, union(5, 6)), matches={5: 0, 6: 0})  # IoU 1/2 with either
BELOW = image((1, (0.25, 0.25, 0.765625, 0.5)), matches={5: 0})
# Object 0 is the lower half of quadrant 16, so that its IoU with box 16 is 1/2 as well.
BESIDE = image((1, union(4, 5)), (2, union(5, 6)), matches={4: 0, 5: 1, 6: 1, 16: 0})
HALVES = image((1, union(0, 1)), (2, union(4, 5)), matches={0: 0, 1: 0, 4: 1, 5: 1, 16: 0})  # both: IoU 1/2 with quadrant 16
# Boxes 6 and 9 lie on cell 5, shifted by 1/16 to the right (IoU 3/5) and by 5/64 downwards (IoU 11/21).
SHIFTED = changed(DEFAULT_BOXES, {6: (0.4375, 0.375, 0.25, 0.25), 9: (0.375, 0.453125, 0.25, 0.25)})
SURROUNDED = image((1, cell(5)), matches={5: 0, 6: 0, 9: 0})

CASES: tuple[Case, ...] = (
    LossCase(
        About(
            "several-boxes-above-the-threshold",
            GROUP,
            "All default boxes with an IoU of at least 0.5 are positive, not only the one that the object claims.",
            "Boxes 6 and 9 are moved onto cell 5 here: their IoU is 3/5 and 11/21. Where each object has its claimed box alone, "
            "most of what should be learned is background.",
        ),
        (SURROUNDED,),
        SHIFTED,
        stage="matching",
        known=(
            Known(
                "each object has its claimed default box alone; there is no threshold",
                images=(rematched(SURROUNDED, {5: 0}),),
                fault=True,
            ),
            Known("the threshold is higher than 0.5", images=(rematched(SURROUNDED, {5: 0, 6: 0}),)),
        ),
    ),
    loss_case(
        About(
            "iou-equal-to-the-threshold",
            GROUP,
            "A default box with an IoU of exactly 0.5 is positive.",
            "Two cells side by side make it exactly one half in any floating point. Five implementations say positive, five "
            "background: a convention, which should be chosen, and not come from an epsilon in the denominator.",
        ),
        (TWO_CELLS,),
        stage="matching",
        known=(Known(ABOVE_ONLY, images=(rematched(TWO_CELLS, {5: 0}),)),),
    ),
    loss_case(
        About(
            "iou-below-the-threshold",
            GROUP,
            "An IoU of 16/33 is below 0.5: only the claimed box is positive.",
            "The object of iou-equal-to-the-threshold, wider by 1/64 of the image.",
        ),
        (BELOW,),
        stage="matching",
        known=(Known("the threshold is lower than 0.5", images=(rematched(BELOW, {5: 0, 6: 0}),)),),
    ),
    loss_case(
        About(
            "equal-claims",
            GROUP,
            "Four pairs have equal IoU: the lowest row claims its lowest default box, then the next row claims what is left.",
            "Row 0 could take box 4 or 5, row 1 box 5 or 6. Without a stated order the result depends on the sort.",
        ),
        (BESIDE,),
        stage="matching",
        known=(Known(ABOVE_ONLY, images=(rematched(BESIDE, {4: 0, 5: 1}),)),),
    ),
    loss_case(
        About(
            "two-objects-equally-near",
            GROUP,
            "A default box that two objects overlap equally takes the one in the lower row.",
            "The IoU of quadrant 16 is 1/2 with the upper and with the lower of its halves.",
        ),
        (HALVES,),
        stage="matching",
        known=(
            Known(ABOVE_ONLY, images=(rematched(HALVES, {0: 0, 4: 1}),)),
            Known("ties go to the last row", images=(rematched(HALVES, {0: 0, 1: 0, 4: 1, 5: 1, 16: 1}),)),
        ),
    ),
)
