"""NaN and infinities in the predictions: loud where they matter, without effect where they do not."""

from tf_ssd.audit.cases.case import About, Case
from tf_ssd.audit.cases.scene import LOGITS, OFFSETS, cell, changed, image, loss_case

GROUP = "not finite"
NAN, INF = float("nan"), float("inf")
OBJECT = (1, cell(5))

CASES: tuple[Case, ...] = (
    loss_case(
        About(
            "nan-in-a-positive",
            GROUP,
            "A NaN logit of a positive makes the loss NaN.",
            "Training on a NaN must stop, so it must be seen.",
        ),
        (image(OBJECT, matches={5: 0}, logits=changed(LOGITS, {5: (0, NAN, 0)})),),
        loud=True,
    ),
    loss_case(
        About(
            "nan-in-a-negative",
            GROUP,
            "A NaN logit of a background box makes the loss NaN.",
            "A NaN loses every comparison: two of ten implementations rank it away and go on as if nothing had happened.",
        ),
        (image(OBJECT, matches={5: 0}, logits=changed(LOGITS, {7: (0, NAN, 0)})),),
        loud=True,
    ),
    loss_case(
        About(
            "nan-in-an-easy-negative",
            GROUP,
            "A NaN logit of a background box that would never be mined makes the loss NaN too.",
            "The box's background logit is 50; if the NaN were 0, the box would be the easiest of all.",
        ),
        (image(OBJECT, matches={5: 0}, logits=changed(LOGITS, {13: (50, NAN, 0)})),),
        loud=True,
    ),
    loss_case(
        About(
            "nan-in-an-image-without-labels",
            GROUP,
            "A NaN logit in an image without labels makes the loss NaN.",
            "Nothing is mined there. torchvision returns a finite loss with a NaN gradient (0 x NaN): the weights are lost at a "
            "step whose loss looked good.",
        ),
        (image(OBJECT, matches={5: 0}), image(matches={}, logits=changed(LOGITS, {7: (0, NAN, 0)}))),
        loud=True,
    ),
    loss_case(
        About(
            "nan-in-the-offsets-of-a-positive",
            GROUP,
            "A NaN offset of a positive makes the loss NaN.",
            "A smooth L1 made of comparisons can lose it.",
        ),
        (image(OBJECT, matches={5: 0}, offsets=changed(OFFSETS, {5: (NAN, 0, 0, 0)})),),
        loud=True,
    ),
    loss_case(
        About(
            "nan-in-the-offsets-of-a-negative",
            GROUP,
            "A NaN offset of a background box changes nothing: nobody asked for this box.",
            "Four of ten implementations multiply by a mask, and NaN x 0 is NaN. In a gradient the same product hides behind a "
            "`where`.",
        ),
        (image(OBJECT, matches={5: 0}, offsets=changed(OFFSETS, {7: (NAN, NAN, NAN, NAN)})),),
    ),
    loss_case(
        About(
            "infinite-offsets-of-a-negative",
            GROUP,
            "An infinite offset of a background box changes nothing.",
            "inf x 0 is NaN.",
        ),
        (image(OBJECT, matches={5: 0}, offsets=changed(OFFSETS, {7: (INF, -INF, INF, 0)})),),
    ),
    loss_case(
        About(
            "huge-offsets-of-a-negative",
            GROUP,
            "Offsets of 1e30 of a background box change nothing.",
            "Their square overflows in float32: inf x 0 again, from a finite prediction.",
        ),
        (image(OBJECT, matches={5: 0}, offsets=changed(OFFSETS, {7: (1e30, -1e30, 1e30, 0)})),),
    ),
    loss_case(
        About(
            "huge-offsets-of-a-positive",
            GROUP,
            "An offset of 2e30 of a positive costs 2e30 - 1/2, and pulls with gradient 1.",
            "Smooth L1 is there to limit the gradient. Where both branches are computed, the unused square is inf, and its "
            "gradient inf x 0.",
        ),
        (image(OBJECT, matches={5: 0}, offsets=changed(OFFSETS, {5: (2e30, 0, 0, 0)})),),
    ),
)
