"""Which default boxes are positive: crowds, duplicates, shared default boxes, objects without overlap, small and large ones."""

from tf_ssd.audit.cases.case import About, Case, Known
from tf_ssd.audit.cases.scene import cell, image, loss_case, rematched, union

GROUP = "matching"
LAST_WINS = "the last object wins a default box that two claim, the other is lost (argmax: torchvision and most ports)"
EVICTS = "an object that overlaps nothing takes default box 0 all the same (argmax without a lower bound)"

WIDE = (0.25, 0.25, 0.625, 0.5)  # cell 5 and half of cell 6: IoU 2/3 with box 5, 1/4 with box 6
SHARED = image((1, cell(5)), (2, WIDE), matches={5: 0, 6: 1})
SHARED_REVERSED = image((2, WIDE), (1, cell(5)), matches={5: 1, 6: 0})
TWICE = image((1, cell(5)), (2, cell(5)), matches={5: 0, 16: 1})
FOUR_TIMES = image(*[(1, cell(5))] * 4, matches={5: 0, 16: 1, 20: 2})
FAR = (2.0, 2.0, 3.0, 3.0)
BESIDE_FAR = image((1, cell(0)), (2, FAR), matches={0: 0})
FAR_ALONE = image((2, FAR), matches={})
NESTED = image((1, cell(20)), (2, cell(5)), matches={20: 0, 5: 1})
SEVERAL = ((1, cell(3)), (2, cell(17)), (1, cell(12)))  # cell 3 lies in quadrant 17: IoU 1/4
SMALL = (0.375, 0.375, 0.375 + 2**-9, 0.375 + 2**-9)  # half a pixel of 300; IoU 2^-14 with box 5
SMALLER = (0.375, 0.375, 0.375 + 2**-13, 0.375 + 2**-13)  # IoU 2^-22, below 1e-6
OVER_THE_EDGE = image((1, (-0.125, 0.0, 0.125, 0.25)), matches={0: 0})  # IoU 1/3 with box 0
CLIPPED = image((1, (0.0, 0.0, 0.125, 0.25)), matches={0: 0})

CASES: tuple[Case, ...] = (
    loss_case(
        About(
            "one-object",
            GROUP,
            "An object that equals a default box makes it the only positive, with offsets 0 as its target.",
            "The plain case, which everything else is measured against. Three negatives are mined for the positive.",
        ),
        (image((1, cell(5)), matches={5: 0}),),
        stage="matching",
    ),
    loss_case(
        About(
            "two-objects-share-a-best-box",
            GROUP,
            "Each object gets a default box of its own: the better overlap wins box 5, the other object takes its next best.",
            "Section 2.2 of the paper and Caffe SSD match bipartitely. Eight of ten implementations let each object write to its "
            "best default box, so that one of the two is never trained; on crowds of small objects 22 to 38 % of them.",
        ),
        (SHARED,),
        stage="matching",
        known=(Known(LAST_WINS, images=(rematched(SHARED, {5: 1}),)),),
    ),
    loss_case(
        About(
            "two-objects-share-a-best-box-reversed",
            GROUP,
            "The order of the rows does not decide who gets the shared default box; the overlap does.",
            "Where the last row wins, shuffling an annotation changes what is trained.",
        ),
        (SHARED_REVERSED,),
        stage="matching",
        known=(Known(LAST_WINS, images=(rematched(SHARED_REVERSED, {5: 1}),)),),
    ),
    loss_case(
        About(
            "duplicate-objects",
            GROUP,
            "Two equal boxes of different classes: the first row takes box 5, the second its next best, quadrant 16.",
            "Duplicates come from merged annotations. Where the last row wins, the first class disappears.",
        ),
        (TWICE,),
        stage="matching",
        known=(Known(LAST_WINS, images=(rematched(TWICE, {5: 1}),)),),
    ),
    loss_case(
        About(
            "more-objects-than-overlapping-boxes",
            GROUP,
            "Four equal objects overlap only three default boxes: three objects are matched, the fourth goes without.",
            "A loop that gives every object some default box takes one that does not overlap it, and trains it on nonsense.",
        ),
        (FOUR_TIMES,),
        stage="matching",
        known=(Known(LAST_WINS, images=(rematched(FOUR_TIMES, {5: 3}),)),),
    ),
    loss_case(
        About(
            "untouched-object-beside-another",
            GROUP,
            "An object that overlaps no default box is left alone and takes nothing from others.",
            "The argmax over overlaps that are all 0 is 0: six of ten implementations give such an object default box 0, and evict "
            "the good match there.",
        ),
        (BESIDE_FAR,),
        stage="matching",
        refusable=True,
        known=(Known(EVICTS, images=(rematched(BESIDE_FAR, {0: 1}),)),),
    ),
    loss_case(
        About(
            "untouched-object-alone",
            GROUP,
            "An image whose only object overlaps no default box has no positives: loss 0.",
            "As for untouched-object-beside-another: the argmax of zeros gives a box loss from an object outside of the image.",
        ),
        (FAR_ALONE,),
        stage="matching",
        by_hand=("0", 0.0),
        refusable=True,
        known=(Known(EVICTS, images=(rematched(FAR_ALONE, {0: 0}),)),),
    ),
    loss_case(
        About(
            "nested-objects",
            GROUP,
            "An object inside another: each takes the default box that equals it.",
            "The outer object overlaps all default boxes a little; none of these overlaps reaches the threshold.",
        ),
        (NESTED,),
        stage="matching",
    ),
    loss_case(
        About(
            "whole-image-object",
            GROUP,
            "An object as large as the image takes default box 20 alone.",
            "Its IoU is 1/4 with a quadrant and 1/16 with a cell. Where the intersection is divided by the smaller area instead of "
            "the union, all 21 boxes are positive.",
        ),
        (image((2, (0.0, 0.0, 1.0, 1.0)), matches={20: 0}),),
        stage="matching",
        known=(
            Known(
                "the intersection is divided by the smaller area",
                images=(image((2, (0.0, 0.0, 1.0, 1.0)), matches=dict.fromkeys(range(21), 0), mined=()),),
                fault=True,
            ),
        ),
    ),
    loss_case(
        About(
            "order-of-objects",
            GROUP,
            "Three objects with default boxes of their own: any order of the rows gives the same loss.",
            "Labels and boxes that are sorted or gathered apart from each other meet the wrong partner.",
        ),
        (
            image(*SEVERAL, matches={3: 0, 17: 1, 12: 2}),
            image(*SEVERAL[::-1], matches={3: 2, 17: 1, 12: 0}),
        ),
        stage="matching",
    ),
    loss_case(
        About(
            "half-a-pixel",
            GROUP,
            "An object of half a pixel gets its best default box, with a target of -7 ln 2 / 0.2 for width and height.",
            "Its overlap of 6e-5 is far below the threshold, and yet it must be trained. Code that truncates corners to whole "
            "pixels loses it, or takes the logarithm of 0.",
        ),
        (image((1, SMALL), matches={5: 0}),),
        stage="matching",
    ),
    loss_case(
        About(
            "too-small-to-claim",
            GROUP,
            "An object that overlaps its best default box with no more than 1e-6 claims nothing (Caffe SSD).",
            "It is 0.04 pixels wide at 300 pixels. Most ports know no lower bound and regress to it all the same.",
        ),
        (image((1, SMALLER), matches={}),),
        stage="matching",
        by_hand=("0", 0.0),
        refusable=True,
        known=(Known("no lower bound for the overlap of a claim", images=(image((1, SMALLER), matches={5: 0}),)),),
    ),
    loss_case(
        About(
            "object-over-the-edge",
            GROUP,
            "An object that reaches over the image is matched and encoded as annotated: its centre offset is -1/2 width, / 0.1.",
            "Half of its box lies outside. Clipping annotations is the reader's choice; code that clips for the overlap but not "
            "for the offsets, or the other way round, trains on a box that nobody drew.",
        ),
        (OVER_THE_EDGE,),
        stage="matching",
        refusable=True,
        known=(Known("ground truth is clipped to the image first", images=(CLIPPED,)),),
    ),
    loss_case(
        About(
            "object-in-the-last-corner",
            GROUP,
            "An object that touches the right and the lower border takes the last cell, box 15.",
            "A grid that mixes up rows and columns, or is one cell short, shows here and at box 3.",
        ),
        (image((1, union(15)), (2, union(3)), matches={15: 0, 3: 1}),),
        stage="matching",
        known=(
            Known(
                "rows and columns of the grid are exchanged",
                images=(image((1, cell(15)), (2, cell(12)), matches={15: 0, 12: 1}),),
                fault=True,
            ),
        ),
    ),
)
