"""Sigmoids: slot 0, each slot by itself, and logits far from zero."""

from collections.abc import Callable
from functools import partial
from math import e, exp, isclose, log

import numpy as np

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import About, Case, Image, Known
from tf_ssd.audit.cases.catalogue.ties import OTHER_TIE
from tf_ssd.audit.cases.scene import (
    BOXES,
    EVEN,
    LOGITS,
    PER_PERFECT_MATCH,
    THREE_HARD,
    cell,
    changed,
    image,
    loss_case,
    rematched,
)
from tf_ssd.audit.cases.scene import PER_HARD as PER_HARD_OF_SOFTMAX

GROUP = "sigmoids"
OBJECT = (1, cell(5))
INF = float("inf")
PER_EVEN = 3 * log(2)  # what three slots of logit 0 cost
PER_HARD = log(1 + e) + 2 * log(2)  # of each of THREE_HARD
case = partial(loss_case, scores="sigmoid")


def _hard(**rows: tuple[float, ...]) -> np.ndarray:
    """THREE_HARD, with the rows `box_N` replaced."""
    return changed(THREE_HARD, {int(name.removeprefix("box_")): row for name, row in rows.items()})


def _positive(*logits: float) -> tuple[Image]:
    """One image whose positive, box 5, has these logits."""
    return (image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=_hard(box_5=logits)),)


def _costs(total: float) -> Callable[[Answer], bool]:
    """A sign of a fault: the total is this number."""
    return lambda answer: isclose(answer.total or 0, total, rel_tol=1e-4)


def _stopped(box: int) -> Callable[[Answer], bool]:
    """A sign of a fault: slot 1 of this default box has no gradient."""
    return lambda answer: answer.logits_gradient is not None and bool(abs(answer.logits_gradient[0, box, 1]) < 1e-3)


def _slot_0(matches: Callable[[np.ndarray], bool]) -> Callable[[Answer], bool]:
    """A sign: the gradients of slot 0 of boxes 0, 1 and 2, which are negatives."""
    return lambda answer: answer.logits_gradient is not None and matches(answer.logits_gradient[0, :3, 0])


CLAMPED = "the gradient of the positive is 0: a clamp of the scores stops it where it is needed most"
NOT_PUSHED = "the hardest negative has no gradient: it is not mined, or a clamp of the scores stops it"
# Box 1 costs 4.95 as background and boxes 2 to 4 cost 3.44; slot 0 alone says 0.69 and 2.13, a softmax 2.76 and 3.05.
TWO_KINDS = changed(np.tile((9.0, -9.0, -9.0), (BOXES, 1)), {1: (0, 2, 2), 2: (-2, 1, -9), 3: (-2, 1, -9), 4: (-2, 1, -9)})
BY_SUM = image(OBJECT, matches={5: 0}, mined=(1, 2, 3), logits=TWO_KINDS)

CASES: tuple[Case, ...] = (
    case(
        About(
            "slots-by-themselves",
            GROUP,
            "A positive of class 1 with scores 1/2, 3/4 and 3/4 costs ln 2 + ln 4/3 + ln 4: each slot by itself.",
            "Two classes may be likely at once. A softmax would divide one probability among the slots.",
        ),
        _positive(0, log(3), log(3)),
        by_hand=("37/32 + ln 32/3 + 3 (ln(1 + e) + 2 ln 2)", PER_PERFECT_MATCH + log(32 / 3) + 3 * PER_HARD),
        known=(
            Known(
                "the cross entropy of a softmax",
                sign=_costs(PER_PERFECT_MATCH + log(7 / 3) + 3 * PER_HARD_OF_SOFTMAX),
                fault=True,
            ),
        ),
    ),
    case(
        About(
            "slot-0-is-trained",
            GROUP,
            "All slots even: each costs ln 2, and slot 0 is pulled up in background boxes and down in the positive.",
            "In TensorFlow's Object Detection API background is a class as any other, and the cost of a box is the sum over its "
            "slots. A mean, as Keras' BinaryCrossentropy makes one, changes the weight of classes against boxes.",
        ),
        (image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=EVEN),),
        by_hand=("37/32 + 12 ln 2", PER_PERFECT_MATCH + 4 * PER_EVEN),
        known=(
            OTHER_TIE,
            Known("the mean over the slots instead of their sum", sign=_costs(PER_PERFECT_MATCH + 4 * log(2)), fault=True),
            Known("slot 0 is not trained", sign=_slot_0(lambda slope: not slope.any())),
            Known("slot 0 has the target 0 in background boxes too", sign=_slot_0(lambda slope: bool((slope > 0).all()))),
        ),
    ),
    case(
        About(
            "mining-by-the-sum",
            GROUP,
            "The hardest negative is the one whose slots cost most together.",
            "Slot 0 alone says how little a box looks like background, not how much it looks like several classes.",
        ),
        (BY_SUM,),
        by_hand=(
            "37/32 + 2 ln(1 + e^9) + ln(1 + e^-9) + ln 2 + 2 ln(1 + e^2) + 2 (ln(1 + e^2) + ln(1 + e) + ln(1 + e^-9))",
            PER_PERFECT_MATCH
            + 2 * log(1 + exp(9))
            + log(1 + exp(-9))
            + log(2)
            + 2 * log(1 + exp(2))
            + 2 * (log(1 + exp(2)) + log(1 + e) + log(1 + exp(-9))),
        ),
        known=(Known("mined by slot 0 alone", images=(rematched(BY_SUM, {5: 0}, mined=(2, 3, 4)),), fault=True),),
    ),
    case(
        About(
            "wrong-by-40",
            GROUP,
            "A positive of class 1 with logits (40, -40, -40) costs 80, and pulls with (1, -1, 0) / N.",
            "Keras clamps scores at 1e-7 where it is given scores instead of logits: it says 32, and its gradient is exactly 0. "
            "What the network gets most wrong it can never learn.",
        ),
        _positive(40, -40, -40),
        by_hand=("37/32 + 80 + 3 (ln(1 + e) + 2 ln 2)", PER_PERFECT_MATCH + 80 + 3 * PER_HARD),
        known=(Known(CLAMPED, sign=_stopped(5), fault=True),),
    ),
    case(
        About(
            "wrong-by-1000",
            GROUP,
            "A positive of class 1 with logits (1000, -1000, -1000) costs 2000, and pulls with the full gradient.",
            "exp(1000) overflows every floating point number: the logarithm of 1 - sigmoid is minus infinity.",
        ),
        _positive(1000, -1000, -1000),
        by_hand=("37/32 + 2000 + 3 (ln(1 + e) + 2 ln 2)", PER_PERFECT_MATCH + 2000 + 3 * PER_HARD),
        known=(Known(CLAMPED, sign=_stopped(5), fault=True),),
    ),
    case(
        About(
            "right-by-1000",
            GROUP,
            "A positive whose slots are all right by 1000 costs nothing and has no gradient.",
            "The opposite of wrong-by-1000: 0 times infinity may come of it.",
        ),
        _positive(-1000, 1000, -1000),
        by_hand=("37/32 + 3 (ln(1 + e) + 2 ln 2)", PER_PERFECT_MATCH + 3 * PER_HARD),
    ),
    case(
        About(
            "saturated-negative",
            GROUP,
            "A background box with logits (0, 200, 0) costs 200 + 2 ln 2, is the hardest, and is pushed with (-1/2, 1, 1/2) / N.",
            "The hardest negatives are what mining is for; clamped scores make the worst of them equal, and stop their gradient.",
        ),
        (image(OBJECT, matches={5: 0}, mined=(7, 0, 1), logits=_hard(box_7=(0, 200, 0), box_2=(0, 0, 0))),),
        by_hand=(
            "37/32 + 3 ln 2 + 200 + 2 ln 2 + 2 (ln(1 + e) + 2 ln 2)",
            PER_PERFECT_MATCH + PER_EVEN + 200 + 2 * log(2) + 2 * PER_HARD,
        ),
        known=(Known(NOT_PUSHED, sign=_stopped(7), fault=True),),
    ),
    case(
        About(
            "saturated-negatives-in-order",
            GROUP,
            "Background boxes wrong by 40, 50, 60 and 70: the three worst are taken.",
            "To scores clamped at 1e-7 all four are equal, and the first three are taken instead.",
        ),
        (
            image(
                OBJECT,
                matches={5: 0},
                mined=(9, 8, 7),
                logits=changed(EVEN, {6: (0, 40, 0), 7: (0, 50, 0), 8: (0, 60, 0), 9: (0, 70, 0)}),
            ),
        ),
        by_hand=("37/32 + 180 + 9 ln 2", PER_PERFECT_MATCH + 180 + 9 * log(2)),
        known=(Known(NOT_PUSHED, sign=_stopped(9), fault=True),),
    ),
    case(
        About(
            "logits-far-above-zero",
            GROUP,
            "All logits near 4096: the slots whose target is 0 cost 4096 each, and all background boxes are equally hard.",
            "exp(4096) overflows. To sigmoids it is no matter of differences, as it is to a softmax.",
        ),
        (image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=THREE_HARD + 4096),),
        by_hand=("37/32 + 4 x 8192", PER_PERFECT_MATCH + 4 * 8192),
        known=(OTHER_TIE,),
    ),
    case(
        About(
            "logits-far-below-zero",
            GROUP,
            "All logits near -4096: the slot whose target is 1 costs 4096, in three background boxes 4097.",
            "Here exp underflows, which leaves the logarithm of 0.",
        ),
        (image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=THREE_HARD - 4096),),
        by_hand=("37/32 + 4096 + 3 x 4097", PER_PERFECT_MATCH + 4096 + 3 * 4097),
    ),
    case(
        About(
            "another-images-logits",
            GROUP,
            "Large logits in one image change nothing in the loss and gradient of another.",
            "Where negatives are ranked over the batch, that image takes them all.",
        ),
        (image(OBJECT, matches={5: 0}), image((2, cell(9)), matches={9: 0}, logits=LOGITS + np.array([0, 500, 500]))),
    ),
    case(
        About(
            "impossible-class",
            GROUP,
            "A logit of minus infinity is a class of probability 0: it costs nothing, and gets no gradient.",
            "Code that masks classes makes such logits. The usual formula max(x, 0) - x t + ln(1 + e^-|x|) multiplies x by the "
            "target t, and infinity x 0 is NaN.",
        ),
        (image(OBJECT, matches={5: 0}, mined=(0, 1, 2), logits=THREE_HARD - np.array([0, 0, INF])),),
        by_hand=("37/32 + 2 ln 2 + 3 (ln(1 + e) + ln 2)", PER_PERFECT_MATCH + 2 * log(2) + 3 * (log(1 + e) + log(2))),
    ),
)
