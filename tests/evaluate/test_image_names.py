import os

import pytest

from tf_ssd.evaluate.image_names import ImageNames

FILES = ("train/1.jpg", "val/1.jpg", "val/x/2.PNG", "val/3.jpg", "3.png")
NAMES = ImageNames((7, 8, 2, "1.5", "3"), FILES)


@pytest.mark.parametrize(
    ("image_id", "positions"),
    [
        (7, [0]),
        (7.0, [0]),
        ("7", [0]),
        (1.5, [3]),
        ("3", [4]),  # an id goes before a name
        ("found/val/1.jpg", [1]),
        (r"C:\\data\\train\\1.jpg", [0]),
        ("1.jpg", [0, 1]),
        ("1", [0, 1]),
        ("elsewhere/2.PNG", [2]),
        ("elsewhere/2", [2]),
        ("val/1.bmp", [1]),  # another suffix: the photo was converted
        ("3.jpg", [3]),
        ("4.jpg", []),
        (1, []),  # a number is an id
        ("", []),
        ("/", []),
    ],
)
def test_what_an_image_may_be_called(image_id, positions):
    assert NAMES.find(image_id) == positions


def test_images_that_are_in_no_files_have_ids_alone():
    names = ImageNames((7, "a"), ())
    assert (names.find("a"), names.find("b/a.jpg")) == ([1], [])


def test_names_are_compared_as_they_are_written():
    names = ImageNames((1,), (os.fsdecode(b"caf\xe9.jpg"),))
    assert names.find(r"photos/caf\udce9.jpg") == names.find(r"caf\udce9") == [0]
