"""Encoding and decoding: plain numbers, extremes, and the way back."""

from math import exp, log

import numpy as np

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import About, Case, CoderCase, Known

GROUP = "coder"
BOX = np.array([[0.5, 0.5, 0.25, 0.125]])  # cxcywh
LIMIT = 1000 / 16  # torchvision's


def _grown(factor: float) -> np.ndarray:
    """Corners of BOX, `factor` times as wide and high."""
    x, y, width, height = BOX[0]
    half = np.array([width, height]) * factor / 2
    return np.array([[x - half[0], y - half[1], x + half[0], y + half[1]]])


def _width(answer: Answer) -> float:
    return float("nan") if answer.boxes is None else float(answer.boxes[0][2] - answer.boxes[0][0])


SWAPPED = Known(
    "the variances are exchanged: 0.2 for the centre, 0.1 for the size",
    sign=lambda answer: answer.boxes is not None and abs(answer.boxes[0][0] - 5) < 1e-3,
    fault=True,
)
UNLIMITED = Known("no limit of the size (Caffe)", sign=lambda answer: abs(_width(answer) / 0.25 - exp(5)) < 1e-2)


def _encode(name: str, rule: str, why: str, box: tuple[float, ...], offsets: tuple[float, ...], *known: Known) -> CoderCase:
    return CoderCase(About(name, GROUP, rule, why), "encode", np.array([box]), BOX, np.array([offsets]), known)


def _decode(name: str, rule: str, why: str, offsets: tuple[float, ...], corners: np.ndarray, *known: Known) -> CoderCase:
    return CoderCase(About(name, GROUP, rule, why), "decode", np.array([offsets]), BOX, corners, known)


CASES: tuple[Case, ...] = (
    _encode(
        "encode-itself",
        "A box that equals its default box has offsets 0.",
        "The target of a perfect match; an epsilon inside the logarithm moves it.",
        (0.375, 0.4375, 0.625, 0.5625),
        (0, 0, 0, 0),
    ),
    _encode(
        "encode-shift-and-growth",
        "A shift by the default box's width is 1/0.1 = 10, by half its height 5; twice the size is ln 2 / 0.2.",
        "The text of SSDModel's tutorial has the two variances exchanged. Imported weights then predict other boxes.",
        (0.5, 0.4375, 1.0, 0.6875),
        (10, 5, log(2) / 0.2, log(2) / 0.2),
        SWAPPED,
    ),
    _encode(
        "encode-tiny",
        "A box of 1/1024 of the default box: ln(1/1024) / 0.2, finite.",
        "The logarithm is far from its singularity; a clamp against ln 0 at 1e-3 shows here.",
        (0.5 - 2**-13, 0.5 - 2**-14, 0.5 + 2**-13, 0.5 + 2**-14),
        (0, 0, -10 * log(2) / 0.2, -10 * log(2) / 0.2),
    ),
    _encode(
        "encode-outside",
        "A box outside the image is encoded as it is: centre (2.5, 2.5), four times as wide, eight times as high.",
        "Offsets know no image border.",
        (2.0, 2.0, 3.0, 3.0),
        (80, 160, log(4) / 0.2, log(8) / 0.2),
    ),
    _decode(
        "decode-nothing",
        "Offsets 0 give the default box.",
        "An untrained head predicts such offsets.",
        (0, 0, 0, 0),
        _grown(1),
    ),
    _decode(
        "decode-shift-and-growth",
        "Offsets (10, 5, ln 2 / 0.2, ln 2 / 0.2) give back the box of encode-shift-and-growth.",
        "Decoding must undo encoding, and make corners of centre and size.",
        (10, 5, log(2) / 0.2, log(2) / 0.2),
        np.array([[0.5, 0.4375, 1.0, 0.6875]]),
    ),
    _decode(
        "decode-beyond-the-limit",
        "A predicted growth of e^5 is limited to 1000/16 = 62.5.",
        "torchvision's limit. Caffe SSD has none: a convention, until exp overflows.",
        (0, 0, 25, 25),
        _grown(LIMIT),
        UNLIMITED,
    ),
    _decode(
        "decode-overflow",
        "A predicted growth of e^200000 is limited to 62.5 as well, and finite.",
        "A box of inf becomes NaN in the overlaps of the suppression, where it hides others or survives everything.",
        (0, 0, 1e6, 1e6),
        _grown(LIMIT),
    ),
    _decode(
        "decode-vanishing",
        "A predicted shrinkage of e^-200000 gives a box without area at the centre, not NaN.",
        "The suppression must then take its overlap for 0, not 0/0.",
        (0, 0, -1e6, -1e6),
        _grown(0),
    ),
    _decode(
        "decode-far-away",
        "A centre offset of 1e4 gives a box 250 images to the right: it is not clipped here.",
        "The detector clips boxes; after that such a box has no area.",
        (1e4, 0, 0, 0),
        _grown(1) + np.array([250.0, 0, 250.0, 0]),
    ),
)
