"""Images without labels: alone, beside others, all of them, and with `min_negatives`."""

from math import exp, log

import numpy as np

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import About, Case, Known
from tf_ssd.audit.cases.scene import BOXES, EVEN, LOGITS, OFFSETS, cell, changed, hardest, image, loss_case, lowest

GROUP = "no labels"
EMPTY = image(matches={})
OBJECT = (1, cell(5))
LABELLED = image(OBJECT, matches={5: 0})
# Every box is harder than any in LABELLED, so that mining over the whole batch would take all negatives here.
HARD_EMPTY = image(matches={}, logits=changed(LOGITS, {n: (-3 - n / 8, 0, -0.5) for n in range(BOXES)}))


def _invented(*images: int) -> Known:
    """A fault of images without labels, by their numbers: their offsets have a gradient."""

    def sign(answer: Answer) -> bool:
        slopes = answer.offsets_gradient
        return slopes is not None and bool(np.any(slopes[list(images)]))

    return Known("a box is invented for the image without labels: it has a box loss", sign=sign, fault=True)


POOLED = Known(
    "mining is pooled over the batch: the image without labels takes the negatives of the other",
    images=(image(OBJECT, matches={5: 0}, mined=()), image(matches={}, logits=HARD_EMPTY.logits, mined=(20, 19, 18))),
    fault=True,
)

CASES: tuple[Case, ...] = (
    loss_case(
        About(
            "no-labels-alone",
            GROUP,
            "An image without labels adds nothing: loss 0, gradient 0.",
            "The first image without objects ends many trainings. Of ten published losses four crash (an argmax over no rows) and "
            "lufficc/SSD returns NaN. usmanr149/SSDModel invents a box over the whole image and trains four default boxes on it "
            "(2.91 instead of 0). Right: torchvision, ssd_keras, Caffe SSD, FurkanOM/tf-ssd.",
        ),
        (EMPTY,),
        by_hand=("0", 0.0),
        known=(_invented(0),),
    ),
    loss_case(
        About(
            "no-labels-beside-labelled",
            GROUP,
            "An image without labels leaves the loss and the gradient of the image beside it alone.",
            "Here both images have easy negatives. NVIDIA's and FurkanOM's losses are means over images, which halves the loss of "
            "the labelled one; SSDModel's grows by a seventh through the box it invents.",
        ),
        (LABELLED, EMPTY),
        known=(_invented(1),),
    ),
    loss_case(
        About(
            "no-labels-with-harder-negatives",
            GROUP,
            "Negatives are mined image by image, so that hard ones in an image without labels do not displace those of another.",
            "ssd_keras ranks the negatives of the whole batch together. The background of an image without labels then takes the "
            "places of the labelled image's negatives, whose loss and gradient disappear (x1.05 in the measured case, and another "
            "gradient).",
        ),
        (LABELLED, HARD_EMPTY),
        known=(POOLED, _invented(1)),
    ),
    loss_case(
        About(
            "no-labels-before-and-after",
            GROUP,
            "It does not matter where in the batch the images without labels stand.",
            "Code that skips images without labels can lose count: the annotations of one image then meet the predictions of "
            "another.",
        ),
        (EMPTY, LABELLED, EMPTY),
        known=(_invented(0, 2),),
    ),
    loss_case(
        About(
            "no-labels-at-all",
            GROUP,
            "A batch without any label gives exactly 0, with a gradient of exactly 0.",
            "The number of positives is 0, and three published losses divide by it: 0/0, and one NaN step destroys the weights.",
        ),
        (EMPTY, HARD_EMPTY, EMPTY),
        by_hand=("0", 0.0),
        known=(_invented(0, 1, 2),),
    ),
    loss_case(
        About(
            "no-labels-wild-predictions",
            GROUP,
            "Predictions of any size for an image without labels cost nothing.",
            "A network that has just begun predicts large offsets. They belong to no object; a loss that multiplies by a mask "
            "computes with them first.",
        ),
        (image(matches={}, offsets=1e6 * OFFSETS, logits=100 * LOGITS),),
        by_hand=("0", 0.0),
        known=(_invented(0),),
    ),
    loss_case(
        About(
            "no-labels-padding-only",
            GROUP,
            "An image whose rows are all padding (label 0) has no labels.",
            "Padded batches are how static shapes are made; a padded row that counts as an object trains boxes on (0, 0, 0, 0), "
            "whose logarithm is minus infinity.",
        ),
        (image((0, (0, 0, 0, 0)), (0, (0, 0, 0, 0)), matches={}),),
        by_hand=("0", 0.0),
        known=(_invented(0),),
        refusable=True,
    ),
    loss_case(
        About(
            "min-negatives-alone",
            GROUP,
            "With min_negatives=3 an image without labels trains its three hardest negatives, divided by N = 1.",
            "Only so can images of pure background teach anything. torchvision has no such setting.",
        ),
        (image(matches={}, mined=(0, 8, 16)),),
        by_hand=(
            "sum of ln(exp(h) + 1 + exp(-1/2)) - h for h = -10/8, -9/8, -8/8",
            sum(log(exp(h) + 1 + exp(-1 / 2)) - h for h in (-10 / 8, -9 / 8, -8 / 8)),
        ),
        options={"min_negatives": 3},
    ),
    loss_case(
        About(
            "min-negatives-beside-labelled",
            GROUP,
            "min_negatives=5 raises the negatives of both images to five, and changes N for neither.",
            "The labelled image has one positive and would have three negatives. A ratio and a least number are easily added up, "
            "where the larger of the two is meant.",
        ),
        (image(OBJECT, matches={5: 0}, mined=hardest(5, but=[5])), image(matches={}, mined=hardest(5))),
        options={"min_negatives": 5},
    ),
    loss_case(
        About(
            "min-negatives-more-than-boxes",
            GROUP,
            "min_negatives beyond the number of default boxes takes them all, once.",
            "A top-k with k beyond the length raises in TensorFlow and in PyTorch.",
        ),
        (image(matches={}, mined=lowest(BOXES), logits=EVEN),),
        by_hand=("21 ln 3", BOXES * log(3)),
        options={"min_negatives": 100},
    ),
)
