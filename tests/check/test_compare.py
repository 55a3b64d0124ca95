from dataclasses import replace

import numpy as np

from tf_ssd.check.compare import compare_classes, compare_images, compare_names, compare_splits
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


def test_a_file_that_a_split_has_twice():
    """As COCO's images of two ids, or rows of CSV that write its path in two ways; nothing says to remove the file."""
    survey = replace(split("train", {"a": b"1", "b": b"1"}), names=PackedStrings(["a", "a"]))
    compare_images(survey)
    assert messages(survey) == ["a: the split has this file twice; list it once, with all of its boxes"]


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
    compare_classes([train, val], named=())
    assert messages(train) == ["train: class cow: no boxes here; nor anywhere else"]
    assert messages(val) == ["val: class cat: no boxes here; 1 in train", "val: class cow: no boxes here; nor anywhere else"]


def test_classes_that_training_would_not_know():
    """Those with boxes in another split than the first, unless they are named."""
    train, val = (
        split("train", {"a": b"1"}, ("cat",), labels=(1,)),
        split("val", {"b": b"2"}, ("cat", "dog", "cow"), labels=(2, 2, 3)),
    )
    compare_classes([train, val], named=("cow",))
    errors = [finding for finding in (*train.findings, *val.findings) if finding.severity == "error"]
    assert [error.kind for error in errors] == ["unknown classes"]
    assert errors[0].message.startswith(
        "val: class dog: 2 boxes here, none in train: training on that would stop; list all classes"
    )


def test_names_that_are_nearly_the_same():
    train, val = (
        split("train", {}, ("Traffic light", "car", "Car"), labels=()),
        split("val", {}, ("traffic_light", "bus"), labels=()),
    )
    compare_names([train, val])
    advice = "in case, spaces, _ or - alone; give both one name if they are one class"
    assert messages(train) == [f"train: class Car: differs from class car {advice}"]
    assert messages(val) == [f"val: class traffic_light: differs from class Traffic light {advice}"]


def test_a_class_named_background():
    for name in ("background", "Background", "__background__"):
        train = split("train", {}, ("cat", name), labels=())
        compare_names([train])
        [message] = messages(train)
        assert message.startswith(f"train: class {name}: the network has a background of its own; remove this class")
