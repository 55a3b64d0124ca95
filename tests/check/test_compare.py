import numpy as np

from tf_ssd.check.compare import compare_classes, compare_images, compare_splits
from tf_ssd.check.findings import Findings
from tf_ssd.check.survey import Survey
from tf_ssd.data.packed_strings import PackedStrings


def split(name: str, images: dict[str, bytes], class_names=("cat", "dog"), labels=(1, 2)) -> Survey:
    """A split of images by name, each with the digest of its pixels; all boxes lie in the first."""
    number, rows = len(images), len(labels)
    return Survey(
        name,
        class_names,
        Findings(name),
        records=number,
        names=PackedStrings(list(images)),
        digests=list(images.values()),
        sizes=np.ones((number, 2)),
        orientations=np.ones(number),
        box_sizes=np.ones((number, 2)),
        image=np.zeros(rows, int),
        boxes_px=np.zeros((rows, 4)),
        labels=np.array(labels),
        difficult=np.zeros(rows, bool),
        crowd=np.zeros(rows, bool),
    )


def messages(survey: Survey) -> list[str]:
    return [finding.message for finding in survey.findings]


def test_images_of_the_same_pixels():
    survey = split("train", {"a": b"1", "b": b"2", "c": b"1", "d": b"", "e": b"", "f": b"1"})
    compare_images(survey)
    assert messages(survey) == ["c: the same pixels as a; remove one", "f: the same pixels as a; remove one"]


def test_images_in_more_than_one_split():
    train, val = split("train", {"a": b"1", "b": b"2", "c": b""}), split("val", {"b": b"2", "d": b"1", "c": b"", "e": b"3"})
    test = split("test", {"f": b"3"})
    compare_splits([train, val, test])
    assert messages(train) == []
    advice = "an image that is trained on cannot test the result"
    assert messages(val) == [f"b: also in train; {advice}", f"d: also in train as a; {advice}", f"c: also in train; {advice}"]
    assert messages(test) == [f"f: also in val as e; {advice}"]


def test_classes_without_boxes():
    train = split("train", {"a": b"1"}, ("cat", "cow", "dog"), labels=(1, 3, 3))
    val = split("val", {"b": b"2"}, ("dog",), labels=(1,))
    compare_classes([train, val])
    assert messages(train) == ["train: class cow: no boxes here; nor anywhere else"]
    assert messages(val) == ["val: class cat: no boxes here; 1 in train", "val: class cow: no boxes here; nor anywhere else"]
