"""Padding and labels that do not exist."""

from tf_ssd.audit.cases.case import About, Case, Known
from tf_ssd.audit.cases.scene import Object, cell, image, loss_case, rematched

GROUP = "labels"
GOOD: Object = (1, cell(5))
ZEROS: Object = (0, (0.0, 0.0, 0.0, 0.0))
GARBAGE: Object = (0, cell(0))
COVERED = image((0, cell(5)), GOOD, matches={5: 1})
REPEATED = image(GOOD, (0, cell(5)), matches={5: 0})
PADDED_WITH_GARBAGE = image(GOOD, GARBAGE, matches={5: 0})

CASES: tuple[Case, ...] = (
    loss_case(
        About(
            "padding-after",
            GROUP,
            "Rows of label 0 after an object change nothing.",
            "Padded batches have such rows.",
        ),
        (image(GOOD, ZEROS, ZEROS, matches={5: 0}),),
        stage="matching",
        refusable=True,
    ),
    loss_case(
        About(
            "padding-before",
            GROUP,
            "Rows of label 0 before an object change nothing.",
            "Code that counts the rows with labels and takes as many from the front sees only padding.",
        ),
        (image(ZEROS, ZEROS, GOOD, matches={5: 2}),),
        stage="matching",
        refusable=True,
    ),
    loss_case(
        About(
            "padding-with-coordinates",
            GROUP,
            "A row of label 0 never matches, whatever its coordinates.",
            "Such rows come from padding that repeats the last box or is not cleared, or from a background region that somebody "
            "annotated. torchvision and most ports take such a row for an object of class 0: a box loss, a place in N, and a "
            "background box trained as positive.",
        ),
        (PADDED_WITH_GARBAGE,),
        stage="matching",
        refusable=True,
        known=(
            Known("a row of label 0 is an object: it has a box loss", images=(rematched(PADDED_WITH_GARBAGE, {5: 0, 0: 1}),)),
            Known(
                "a row of label 0 is an object to the box loss and to N, and background to the class loss (torchvision)",
                images=(rematched(PADDED_WITH_GARBAGE, {5: 0, 0: 1}, mined=(8, 16)),),
            ),
        ),
    ),
    loss_case(
        About(
            "padding-on-an-object",
            GROUP,
            "A row of label 0 with the box of an object, before or after it, takes nothing from it.",
            "Some padding repeats the last row. Where padding is matched and then ignored, it claims the object's default box: "
            "because it comes first, or because the last row wins.",
        ),
        (COVERED, REPEATED),
        stage="matching",
        refusable=True,
        known=(
            Known(
                "the row of label 0 claims the default box, and the object its next best",
                images=(rematched(COVERED, {16: 1}), REPEATED),
                fault=True,
            ),
            Known(
                "the row of label 0 takes the object's default box, as the last row wins",
                images=(COVERED, rematched(REPEATED, {})),
                fault=True,
            ),
        ),
    ),
    loss_case(
        About(
            "label-beyond-the-classes",
            GROUP,
            "A label of 3 where the classes are 0..2 makes the loss NaN, or raises.",
            "It happens when classes are numbered from 1, or one is forgotten. A one-hot of 3 is all zeros: a box loss without a "
            "class loss, in silence. Other code crashes, or wraps around to the last class.",
        ),
        (image((3, cell(5)), matches={5: 0}),),
        loud=True,
        refusable=True,
    ),
    loss_case(
        About(
            "label-beyond-the-classes-in-one-image",
            GROUP,
            "One label beyond the classes makes the loss of the whole batch NaN, or raises.",
            "Divided by the positives of a large batch, a missing class loss is not seen in the curve.",
        ),
        (image(GOOD, matches={5: 0}), image((2, cell(9)), matches={9: 0}), image((7, cell(10)), matches={10: 0})),
        loud=True,
        refusable=True,
    ),
    loss_case(
        About(
            "every-class",
            GROUP,
            "Objects of class 1 and of class 2, the last: each is trained on its own logit.",
            "An off-by-one of labels against logits shows as soon as two classes differ.",
        ),
        (image(GOOD, (2, cell(10)), matches={5: 0, 10: 1}),),
    ),
)
