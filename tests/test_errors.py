import pickle
from pathlib import Path

import pytest

from tf_ssd.errors import DatasetError, ImageError, Place

BOX = Place(Path("data/a.xml"), "object 2 (dog)")


def test_a_place_is_written_as_messages_begin():
    assert str(BOX) == "data/a.xml: object 2 (dog)"
    assert str(Place("val")) == "val"


def test_a_message_names_the_place_which_the_error_keeps():
    error = DatasetError.at(BOX, "xmin=5 is greater than xmax=3; swap them", kind="boxes with inverted corners")
    assert str(error) == "data/a.xml: object 2 (dog): xmin=5 is greater than xmax=3; swap them"
    assert (error.kind, error.place) == ("boxes with inverted corners", BOX)


def test_a_message_alone_is_a_broken_annotation_somewhere():
    error = DatasetError("there are no annotations")
    assert (str(error), error.kind, error.place) == ("there are no annotations", "broken annotations", None)


@pytest.mark.parametrize("error_type", [DatasetError, ImageError])
def test_nothing_is_lost_between_processes(error_type):
    error = error_type.at(BOX, "cut off", kind="unreadable images")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is error_type
    assert (str(back), back.kind, back.place) == (str(error), error.kind, error.place)


def test_the_cause_stays():
    cause = OSError("gone")
    with pytest.raises(DatasetError, match=r"^a\.png: cannot be read$") as caught:
        raise ImageError.at(Place("a.png"), "cannot be read", kind="missing files") from cause
    assert caught.value.__cause__ is cause
