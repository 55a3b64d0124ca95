"""Normalisation: what the sums are divided by, and that batches, replicas and float16 do not change it."""

from math import log

from tf_ssd.audit.cases.case import About, Case
from tf_ssd.audit.cases.scene import (
    BOXES,
    EVEN,
    LOGITS,
    OFFSETS,
    PER_HARD,
    PER_PERFECT_MATCH,
    THREE_HARD,
    cell,
    changed,
    image,
    loss_case,
)

GROUP = "normalisation"
ONE = image((1, cell(5)), matches={5: 0})
THREE = image(*[(2, cell(number)) for number in (1, 6, 11)], matches={1: 0, 6: 1, 11: 2}, offsets=2 * OFFSETS)
SIX_WRONG = image(
    *[(1, cell(number)) for number in range(6)],
    matches={number: number for number in range(6)},
    mined=tuple(range(6, BOXES)),
    logits=changed(EVEN, dict.fromkeys(range(6), (30000.0, 0.0, 0.0))),
)

CASES: tuple[Case, ...] = (
    loss_case(
        About(
            "equal-images",
            GROUP,
            "Four equal images give the loss of one.",
            "SSDModel divides by the positives of each image and multiplies by the batch size: 32 equal images give 32 times the "
            "loss, and the learning rate means something else for every batch size.",
        ),
        (ONE, ONE, ONE, ONE),
    ),
    loss_case(
        About(
            "few-and-many-positives",
            GROUP,
            "One positive here, three there: the sums of both are divided by N = 4.",
            "The paper's N counts the batch, so that every positive weighs the same. A mean over images (NVIDIA, FurkanOM) weighs "
            "the lonely positive threefold: a convention, but another one.",
        ),
        (ONE, THREE),
    ),
    loss_case(
        About(
            "normalizer-image",
            GROUP,
            'With normalizer="image" each image is divided by its own N, and images are averaged.',
            "The other convention must hold where it is asked for; an image without labels then lowers the mean.",
        ),
        (ONE, THREE, image(matches={})),
        options={"normalizer": "image"},
    ),
    loss_case(
        About(
            "alpha",
            GROUP,
            "alpha=2 doubles the box loss and leaves the class loss.",
            "Equation 1 of the paper; some code weighs the other term.",
        ),
        (image((1, cell(5)), matches={5: 0}, mined=(0, 1, 2), logits=THREE_HARD),),
        by_hand=("2 x 37/32 + ln 3 + 3 ln(1 + 2e)", 2 * PER_PERFECT_MATCH + log(3) + 3 * PER_HARD),
        options={"alpha": 2.0},
    ),
    loss_case(
        About(
            "two-replicas",
            GROUP,
            "A batch spread over two replicas gives the same loss: N counts the positives of all replicas.",
            "Where each replica divides by its own N, and the results are averaged, loss and gradient are others.",
        ),
        (ONE, THREE),
        replicas=2,
    ),
    loss_case(
        About(
            "replica-without-labels",
            GROUP,
            "A replica whose images all have no labels changes nothing.",
            "An average over the replicas would halve the gradient of the other replica.",
        ),
        (ONE, image(matches={})),
        replicas=2,
    ),
    loss_case(
        About(
            "float16",
            GROUP,
            "float16 predictions give the loss that they would give in float32.",
            "Differences of logits and sums in float16 have three digits.",
        ),
        (image((1, cell(5)), matches={5: 0}), image((2, cell(9)), matches={9: 0}, logits=LOGITS + 0.25)),
        half=True,
    ),
    loss_case(
        About(
            "float16-overflow",
            GROUP,
            "Six positives of float16, each wrong by 30 000: their sum of 180 000 exceeds float16, the loss of 30 000 does not.",
            "Four of ten implementations add up in the dtype of the predictions: inf at batch 32 and ordinary losses.",
        ),
        (SIX_WRONG,),
        by_hand=("37/32 + 30000 + 15/6 ln 3", PER_PERFECT_MATCH + 30000 + 15 / 6 * log(3)),
        half=True,
    ),
    loss_case(
        About(
            "rows-of-another-length",
            GROUP,
            "Images with 0, 1 and 3 objects in one batch: each keeps its own objects.",
            "Padded, ragged or listed: the rows must stay with their image.",
        ),
        (image(matches={}), THREE, ONE),
    ),
)
