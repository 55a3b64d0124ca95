import numpy as np
import pytest

from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth, check


def detected(labels=(), scores=()) -> ImageDetections:
    return ImageDetections(np.zeros((len(labels), 4)), np.array(labels, int), np.array(scores, float))


def truth(labels=()) -> ImageGroundTruth:
    rows = len(labels)
    return ImageGroundTruth(np.zeros((rows, 4)), np.array(labels, int), np.zeros(rows, bool), np.zeros(rows, bool), np.zeros(rows))


def test_what_can_be_compared():
    check([detected([1, 2], [0, 1])], [truth([2])], num_classes=3)


def test_numbers_of_images_must_agree():
    with pytest.raises(ValueError, match="images: 1 with detections, 2 with ground truth"):
        check([detected()], [truth(), truth()], num_classes=2)


@pytest.mark.parametrize("label", [-1, 0, 2])
def test_labels_out_of_range(label):
    with pytest.raises(ValueError, match=r"image 0: labels .* are not all in 1\.\.1"):
        check([detected([label], [0.5])], [truth()], num_classes=2)
    with pytest.raises(ValueError, match=r"image 1: labels .* are not all in 1\.\.1"):
        check([detected(), detected()], [truth(), truth([label])], num_classes=2)


def test_scores_must_be_finite():
    with pytest.raises(ValueError, match="image 0: the scores are not all finite"):
        check([detected([1], [np.nan])], [truth()], num_classes=2)
