from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tf_ssd.evaluate.confusion import confusion_png
from tf_ssd.metrics.errors import Confusion

NONE = np.zeros(0, int)


def picture(classes, threshold=0.5):
    counts = np.random.default_rng(0).integers(0, 50, (classes + 1, classes + 1))
    names = ["$a very long name that somebody gave to a class$", *(f"class {number}" for number in range(classes - 1))]
    return Image.open(BytesIO(confusion_png(Confusion(threshold, counts, NONE, NONE), names)))


@pytest.mark.parametrize(("classes", "width"), [(1, 560), (20, 1042), (90, 1560)])
def test_any_number_of_classes_is_a_picture_of_reasonable_size(classes, width):
    assert picture(classes).size == pytest.approx((width, width), abs=2)


def test_without_a_threshold():
    assert picture(2, np.nan).size == picture(2).size
    assert picture(2, np.nan) != picture(2)
