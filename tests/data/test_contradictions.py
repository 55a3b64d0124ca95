import numpy as np
import pytest

from tf_ssd.data.contradictions import NOT_TURNED, SIZE_DIFFERS, contradictions
from tf_ssd.data.images.decode import Header
from tf_ssd.data.records import Record

AGREE, CORRECT = "--exif {} would make them agree", "correct the size, or the boxes"


def record(size, boxes=1) -> Record:
    return Record("r", b"", np.zeros((boxes, 4)), np.ones(boxes, np.int32), np.zeros(boxes, bool), size=size)


@pytest.mark.parametrize(
    ("size", "orientation", "exif", "kind", "advice"),
    [
        ((120, 90), 1, "ignore", None, ""),
        ((120, 90), 6, "ignore", None, ""),
        ((90, 120), 6, "apply", None, ""),
        ((90, 120), 6, "ignore", SIZE_DIFFERS, AGREE.format("apply")),
        ((120, 90), 6, "apply", SIZE_DIFFERS, AGREE.format("ignore")),
        ((90, 120), 1, "ignore", SIZE_DIFFERS, CORRECT),
        ((4963, 3509), 1, "ignore", SIZE_DIFFERS, CORRECT),
        (None, 1, "ignore", None, ""),
        (None, 6, "apply", None, ""),
        (None, 6, "ignore", NOT_TURNED, "if its boxes were drawn on the turned image, give --exif apply"),
    ],
)
def test_what_contradicts(size, orientation, exif, kind, advice):
    """An image that is stored as 120 x 90 px."""
    found = contradictions(record(size), Header("JPEG", (120, 90), orientation), "a.jpg", exif)
    assert [problem.kind for problem in found] == ([] if kind is None else [kind])
    assert all(problem.example.startswith("a.jpg: ") and problem.example.endswith(advice) for problem in found)


def test_without_boxes_it_does_not_matter_how_an_image_is_turned():
    assert contradictions(record(None, boxes=0), Header("JPEG", (120, 90), 6), "a.jpg", "ignore") == []
