import numpy as np
import pytest

from tests.data.readers.examples import BOX, example, png
from tf_ssd.check.findings import Findings
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.label_map import Item
from tf_ssd.data.readers.tfrecord_example import read_example
from tf_ssd.errors import DatasetError, Place

WHERE = Place("a.record", "record 3")
MAP = {1: Item("cat", "cat"), 2: Item("dog", "n02084071")}


def read(encoded: bytes, *, label_map=MAP, notes=None):
    return read_example(encoded, WHERE, label_map, notes or Notes())


def test_an_example():
    annotation = read(example(BOX, (0, 0, 1, 0.1), difficult=[1, 0], is_crowd=[0, 1]))
    assert (annotation.image, annotation.size, annotation.complete) == (png(), (200, 100), True)
    first, second = annotation.objects
    assert (str(first.where), first.name) == ("a.record: record 3 (a.png), object 1 (dog)", "dog")
    np.testing.assert_array_equal(first.corners, BOX)
    assert [(item.difficult, item.crowd) for item in (first, second)] == [(True, False), (False, True)]


def test_a_group_is_a_crowd():
    assert [item.crowd for item in read(example(BOX, BOX, is_crowd=[0, 0], group_of=[0, 1])).objects] == [False, True]


def test_an_image_without_labels_has_empty_lists():
    assert read(example()).objects == []
    assert read(example(text=None, label=None)).objects == []


@pytest.mark.parametrize("missing", ["width", "height", "both"])
def test_a_size_may_be_missing(missing):
    sides = {"width": None, "height": None} if missing == "both" else {missing: [0]}
    assert read(example(BOX, **sides)).size is None


NAMES = {
    "text and number": ({}, MAP, "dog"),
    "text alone": ({"label": None}, {}, "dog"),
    "text without a number of it": ({"label": [9]}, MAP, "dog"),
    "number alone": ({"text": None}, MAP, "dog"),
    "an empty text": ({"text": [""]}, MAP, "dog"),
    "the other name": ({"text": ["n02084071"]}, MAP, "dog"),
    "the other name alone": ({"text": ["n02084071"], "label": None}, MAP, "dog"),
    "not UTF-8": ({"text": [b"d\xf6g"], "label": None}, {}, "d\\xf6g"),
}


@pytest.mark.parametrize(("changed", "label_map", "name"), NAMES.values(), ids=NAMES.keys())
def test_the_class_of_a_box(changed, label_map, name):
    [item] = read(example(BOX, **changed), label_map=label_map).objects
    assert item.name == name


BAD = {
    "no Example": (b"\xff\xff", {}, r"^a\.record: record 3: is no tf\.train\.Example"),
    "nothing": (b"", {}, "there is no image/encoded; write the bytes of the image's file there"),
    "no image": (example(BOX, encoded=[b""]), MAP, r"record 3 \(a\.png\): there is no image/encoded"),
    "no boxes": (
        example(xmin=None, ymin=None, xmax=None, ymax=None),
        MAP,
        "there is no image/object/bbox/xmin, .*/ymin, .*/xmax, .*/ymax; an image without labels has four empty lists",
    ),
    "one list missing": (example(BOX, ymax=None), MAP, "there is no image/object/bbox/ymax; an image"),
    "unequal lists": (
        example(BOX, BOX, ymin=[0.5]),
        MAP,
        "the lists of corners are of unequal length: 2 xmin, 1 ymin, 2 xmax, 2 ymax",
    ),
    "another number of classes": (example(BOX, BOX, text=["dog"]), MAP, "class/text has 1 value for 2 boxes; write one for each"),
    "another number of labels": (example(BOX, label=[1, 2]), MAP, "class/label has 2 values for 1 box"),
    "another number of difficult": (example(BOX, difficult=[1, 0]), MAP, "difficult has 2 values for 1 box"),
    "pixels as whole numbers": (example(BOX, xmin=[48]), MAP, "bbox/xmin is a int64_list, not a float_list"),
    "pixels": (
        example((48.0, 50.0, 90.0, 60.0)),
        MAP,
        r"object 1 \(dog\): xmin is 48, not a fraction of the image .*; divide pixels",
    ),
    "inverted": (example((0.75, 0.5, 0.25, 1.0)), MAP, r"object 1 \(dog\): xmin=0.75 is greater than xmax=0.25; swap"),
    "nan": (example((float("nan"), 0.5, 0.25, 1.0)), MAP, r"object 1 \(dog\): xmin is nan; write a finite number"),
    "no class": (
        example(BOX, text=None, label=None),
        MAP,
        "object 1: it has no class; write image/object/class/text, or put a label map",
    ),
    "a number without a name": (
        example(BOX, text=None, label=[9]),
        MAP,
        "object 1: image/object/class/label is 9, which has no name",
    ),
    "two classes": (
        example(BOX, text=["cat"]),
        MAP,
        "class/text is 'cat', but .*/label is 2, which is 'dog' in the label map; correct",
    ),
    "too many": (example(*[BOX] * 4097), MAP, "4097 boxes are more than the 4096"),
}


@pytest.mark.parametrize(("encoded", "label_map", "message"), BAD.values(), ids=BAD.keys())
def test_bad_examples_are_named(encoded, label_map, message):
    with pytest.raises(DatasetError, match=message):
        read(encoded, label_map=label_map)


def test_each_bad_box_is_counted_where_all_faults_are_listed():
    findings = Findings("train")
    annotation = read(example(BOX, (48.0, 50.0, 90.0, 60.0), (0.75, 0.5, 0.25, 1.0)), notes=findings)
    assert (len(annotation.objects), annotation.complete) == (1, False)
    assert [finding.kind for finding in findings] == ["boxes outside their image", "boxes with inverted corners"]
