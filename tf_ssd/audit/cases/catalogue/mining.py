"""Which negatives take part: how many, which, from which image, and who wins a tie."""

from math import isclose, log

import numpy as np

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import About, Case, Known
from tf_ssd.audit.cases.catalogue.ties import OTHER_TIE
from tf_ssd.audit.cases.scene import (
    BOXES,
    EVEN,
    LOGITS,
    PER_PERFECT_MATCH,
    Object,
    cell,
    changed,
    image,
    loss_case,
    lowest,
    rematched,
)

GROUP = "mining"
TWICE = "positives are mined as well when negatives run out, and count twice"


def cells(*numbers: int) -> list[Object]:
    """Objects of class 1 that equal these default boxes."""
    return [(1, cell(number)) for number in numbers]


FIVE = image((1, cell(5)), matches={5: 0})
PAIR = (image(*cells(5), matches={5: 0}), image(*cells(2, 9), matches={2: 0, 9: 1}, logits=LOGITS - [3, 0, 0]))
EVERY = image(*cells(*range(BOXES)), matches={box: box for box in range(BOXES)}, mined=(), logits=EVEN)
SIX = image(*cells(*range(6)), matches={box: box for box in range(6)}, mined=tuple(range(6, BOXES)), logits=EVEN)
# Box 1 has cross entropy 1.86 and gives its best class 0.42; boxes 2 to 4 have 1.70 and give theirs 0.82. With sigmoids: 3.32
# and 0.73, 2.39 and 0.82.
TWO_KINDS = changed(np.tile((9.0, 0.0, 0.0), (BOXES, 1)), {1: (0, 1, 1), 2: (0, 1.5, -9), 3: (0, 1.5, -9), 4: (0, 1.5, -9)})
BY_ENTROPY = image(*cells(5), matches={5: 0}, mined=(1, 2, 3), logits=TWO_KINDS)
# Boxes 7 and 11 are hard, all others equally easy, so that a tie decides the third place.
TIED = image(*cells(5), matches={5: 0}, mined=(7, 11, 0), logits=changed(EVEN, {7: (-2, 0, 0), 11: (-1, 0, 0)}))
CLASSIFIED_RIGHT = image(*cells(5), matches={5: 0}, mined=(0, 8, 16), logits=changed(LOGITS, {5: (-6, 6, 0)}))
CLASSIFIED_WRONG = image(*cells(5), matches={5: 0}, mined=(0, 8, 16), logits=changed(LOGITS, {5: (-6, -6, 6)}))


def _three_twice(answer: Answer) -> bool:
    """Three positives of SIX count twice; which ones, the sort decides. An even box costs ln 3, with sigmoids 3 ln 2."""
    return any(isclose(answer.total or 0, PER_PERFECT_MATCH + 24 / 6 * cost, rel_tol=1e-4) for cost in (log(3), 3 * log(2)))


CASES: tuple[Case, ...] = (
    loss_case(
        About(
            "three-hardest-negatives",
            GROUP,
            "One positive: the three background boxes of the highest cross entropy, 0, 8 and 16, take part, and no other.",
            "Section 2.2 of the paper. All background boxes together would drown the positive.",
        ),
        (FIVE,),
        known=(
            Known("all negatives take part", images=(rematched(FIVE, {5: 0}, mined=lowest(20, but=[5])),), fault=True),
            Known("no negatives take part", images=(rematched(FIVE, {5: 0}, mined=()),), fault=True),
            Known("the easiest negatives are taken", images=(rematched(FIVE, {5: 0}, mined=(13, 18, 10)),), fault=True),
        ),
    ),
    loss_case(
        About(
            "mining-image-by-image",
            GROUP,
            "The first image has one positive and three mined negatives, the second two positives and six negatives.",
            "The second image's negatives are harder throughout. Ranked over the batch, all nine would come from this image "
            "(ssd_keras).",
        ),
        PAIR,
        known=(
            Known(
                "mining is pooled over the batch",
                images=(
                    rematched(PAIR[0], {5: 0}, mined=()),
                    rematched(PAIR[1], {2: 0, 9: 1}, mined=(0, 8, 16, 3, 11, 19, 6, 14, 1)),
                ),
                fault=True,
            ),
        ),
    ),
    loss_case(
        About(
            "mining-by-cross-entropy",
            GROUP,
            "The hardest negative is the one with the highest background cross entropy.",
            "In box 1 two classes are likely, in boxes 2 to 4 one. Box 1 costs most as background, and yet its best class scores "
            "lower. Ranking by the best class's score is another choice.",
        ),
        (BY_ENTROPY,),
        by_hand=(
            "37/32 + ln(e^9 + 2) + ln(1 + 2e) + 2 ln(1 + e^1.5 + e^-9)",
            PER_PERFECT_MATCH + log(np.exp(9) + 2) + log(1 + 2 * np.e) + 2 * log(1 + np.exp(1.5) + np.exp(-9)),
        ),
        known=(
            OTHER_TIE,
            Known("ranked by the highest score of a class", images=(rematched(BY_ENTROPY, {5: 0}, mined=(2, 3, 4)),)),
        ),
    ),
    loss_case(
        About(
            "ties-at-the-cut",
            GROUP,
            "Of equally hard negatives the lowest indices are taken.",
            "The loss is the same whichever are taken, the gradient is not: with an unstable sort (five of ten) a run cannot "
            "be repeated on another machine. All logits are equal at the first step of a network with zero heads.",
        ),
        (image(*cells(5), matches={5: 0}, mined=(0, 1, 2), logits=EVEN),),
        by_hand=("37/32 + 4 ln 3", PER_PERFECT_MATCH + 4 * log(3)),
        known=(OTHER_TIE,),
    ),
    loss_case(
        About(
            "tie-for-the-last-place",
            GROUP,
            "Two negatives are hard, the rest equal: the third place goes to box 0, the lowest of the rest.",
            "A mask of the kind `loss >= cut` would take all twenty.",
        ),
        (TIED,),
        known=(
            OTHER_TIE,
            Known("all ties at the cut are taken", images=(rematched(TIED, {5: 0}, mined=lowest(20, but=[5])),), fault=True),
        ),
    ),
    loss_case(
        About(
            "more-negatives-than-there-are",
            GROUP,
            "Six positives ask for 18 negatives of 15: all 15 are taken, and the positives count once.",
            "torchvision and FurkanOM rank all boxes with the positives last, so that three "
            "positives are mined too: +33 % and +69 % in the measured cases.",
        ),
        (SIX,),
        by_hand=("37/32 + 21/6 ln 3", PER_PERFECT_MATCH + 21 / 6 * log(3)),
        known=(Known(TWICE, sign=_three_twice, fault=True),),
    ),
    loss_case(
        About(
            "all-positive",
            GROUP,
            "Every default box is positive: no negatives, the positives count once.",
            "Crowds can cover the small feature maps like this. In torchvision the whole confidence loss doubles.",
        ),
        (EVERY,),
        by_hand=("37/32 + ln 3", PER_PERFECT_MATCH + log(3)),
        known=(Known(TWICE, images=(rematched(EVERY, EVERY.matches, mined=tuple(range(BOXES))),), fault=True),),
    ),
    loss_case(
        About(
            "positive-is-no-candidate",
            GROUP,
            "A positive takes no place among the negatives, neither one that looks least like background of all boxes, nor one "
            "whose own class costs most of all boxes.",
            "The positive of the first image is classified right, and so has a large background cross entropy; that of the second "
            "is taken for another class, and has a large cross entropy with its own label too. Where mining does not leave it out, "
            "it displaces a negative or counts twice, once as background.",
        ),
        (CLASSIFIED_RIGHT, CLASSIFIED_WRONG),
        known=(
            Known(
                "positives are left in the ranking, by their own label, and take the places of negatives",
                images=(CLASSIFIED_RIGHT, rematched(CLASSIFIED_WRONG, {5: 0}, mined=(0, 8))),
                fault=True,
            ),
            Known(
                "positives are left in the ranking, as background, and take the places of negatives",
                images=tuple(rematched(one, {5: 0}, mined=(0, 8)) for one in (CLASSIFIED_RIGHT, CLASSIFIED_WRONG)),
                fault=True,
            ),
        ),
    ),
    loss_case(
        About(
            "ratio-of-one",
            GROUP,
            "negative_ratio=1: one negative for the positive, box 0.",
            "The ratio is a setting, not a constant of the code.",
        ),
        (image(*cells(5), matches={5: 0}, mined=(0,)),),
        options={"negative_ratio": 1},
    ),
    loss_case(
        About(
            "ratio-of-zero",
            GROUP,
            "negative_ratio=0: no negatives; the positive alone.",
            "A top-k with k = 0 still has a smallest element in some code.",
        ),
        (image(*cells(5), matches={5: 0}, mined=(), logits=EVEN),),
        by_hand=("37/32 + ln 3", PER_PERFECT_MATCH + log(3)),
        options={"negative_ratio": 0},
    ),
)
