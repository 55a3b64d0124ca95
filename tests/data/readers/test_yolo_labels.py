import numpy as np
import pytest

from tf_ssd.check.findings import Findings
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.yolo_labels import read_labels
from tf_ssd.errors import DatasetError

NAMES = {0: "cat", 3: "dog"}


@pytest.fixture
def read(tmp_path):
    """Write a file of labels and read it."""

    def read(text: str | bytes, *, keypoints=0, notes=None):
        (tmp_path / "a.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_labels(tmp_path / "a.txt", NAMES, keypoints, notes or Notes())

    return read


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff"])
def test_a_file_without_lines_has_no_objects(read, text):
    assert read(text) == ([], [], True)


FORMS = {
    "a box": ("3 0.5 0.25 0.25 0.5", (0.375, 0, 0.625, 0.5)),
    "tabs and a class as a float": ("3.0\t0.5\t0.25\t0.25  0.5 ", (0.375, 0, 0.625, 0.5)),
    "a polygon": ("3 0.5 0.5 0.75 0.25 0.125 0.375", (0.125, 0.25, 0.75, 0.5)),
    "an oriented box": ("3 0.5 0 1 0.5 0.5 1 0 0.5", (0, 0, 1, 1)),
    "beyond the edge": ("3 1 0.5 0.125 0.5", (0.9375, 0.25, 1.0625, 0.75)),
    "rounded over the edge": ("3 0.333334 0.5 0.666669 1.000001", (0, 0, 0.6666685, 1)),
}


@pytest.mark.parametrize(("text", "corners"), FORMS.values(), ids=FORMS.keys())
def test_the_box_of_a_line(read, text, corners):
    [item], noted, complete = read(f"\n{text}\n")
    assert (item.name, item.where.object, noted, complete) == ("dog", "line 2 (dog)", [], True)
    np.testing.assert_allclose(item.corners, corners, rtol=1e-12)


def test_a_score_is_ignored_and_noted(read):
    [item], [note], _ = read("0 0.5 0.5 0.5 0.5 0.875\n")
    assert item.corners == (0.25, 0.25, 0.75, 0.75)
    assert note.kind == "boxes with a score, which is ignored"
    assert note.example.endswith("a.txt: line 1 (cat): 0.875")


@pytest.mark.parametrize("tail", ["", " 0.1 0.2 2 0.3 0.4 0", " 7"])
def test_key_points_are_passed_over(read, tail):
    [item], noted, _ = read(f"0 0.5 0.5 0.5 0.5{tail}\n", keypoints=6)
    assert item.corners == (0.25, 0.25, 0.75, 0.75)
    assert len(noted) == (tail == " 7")


def test_one_key_point_is_no_score(read):
    assert read("0 0.5 0.5 0.5 0.5 0.875\n", keypoints=1)[1] == []


BAD = {
    "pixels": (
        "0 120 40 30 20",
        r"a\.txt: line 1 \(cat\): the centre's x is 120, not a fraction of the image from 0 to 1; divide pix",
    ),
    "a wide box": ("0 0.5 0.5 1.5 0.2", "the width is 1.5, not a fraction"),
    "left of the image": (
        "0 -0.25 0.5 0.2 0.2",
        r"the centre's x is -0\.25, not a fraction of the image from 0 to 1; correct the box",
    ),
    "a polygon outside": ("0 0 0 1 1 2 2", "x3 is 2, not a fraction"),
    "a negative side": ("0 0.5 0.5 0.1 -0.1", r"the height is -0\.1; correct it"),
    "a number beyond the names": (
        "7 0.5 0.5 0.1 0.1",
        r"line 1: the class number 7 is none of the 2 that have a name, 0 to 3; correct",
    ),
    "a number between the names": ("1 0.5 0.5 0.1 0.1", "the class number 1 is none of the 2"),
    "a negative number": ("-1 0.5 0.5 0.1 0.1", "the class number -1 is none"),
    "a name": ("dog 0.5 0.5 0.1 0.1", r"a\.txt: line 1: the class is 'dog', not a whole number; a line is class x y width"),
    "half a class": ("0.5 0.5 0.5 0.1 0.1", "the class is '0.5', not a whole number"),
    "too few": ("0 0.5 0.5 0.1", r"line 1 \(cat\): 4 fields; a line is class x y width height, or class x y x y x y"),
    "no pairs": ("0 0.5 0.5 0.1 0.1 0.1 0.1 0.1", "8 fields; a line is"),
    "two points": ("0", "1 fields; a line is"),
    "commas": ("0,0.5,0.5,0.1,0.1", "the class is '0,0.5,0.5,0.1,0.1', not a whole number"),
    "no number": ("0 0.5 0.5 a 0.1", "the width is 'a'; write a finite number"),
    "nan": ("0 nan 0.5 0.1 0.1", "the centre's x is 'nan'; write a finite number"),
    "not UTF-8": (b"\xff\xfe0", r"a\.txt: cannot be read as YOLO labels"),
    "too many": ("0 0.5 0.5 0.1 0.1\n" * 4097, "4097 boxes are more than the 4096"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_bad_lines_are_named(read, text, message):
    with pytest.raises(DatasetError, match=message):
        read(text)


def test_each_bad_line_is_counted_where_all_faults_are_listed(read):
    findings = Findings("train")
    objects, _, complete = read("0 0.5 0.5 0.1 0.1\n9 0.5 0.5 0.1 0.1\n0 5 5 1 1\n3 0.5 0.5 1 1\n", notes=findings)
    assert [item.name for item in objects] == ["cat", "dog"]
    assert not complete
    assert [finding.kind for finding in findings] == ["unknown classes", "boxes outside their image"]


def test_of_key_points_no_polygon_is_made(read):
    with pytest.raises(DatasetError, match="7 fields"):
        read("0 0.5 0.5 0.75 0.25 0.125 0.375", keypoints=51)
