from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tf_ssd.check.coverage import ground_truth
from tf_ssd.check.findings import Findings
from tf_ssd.check.survey import AT_A_TIME, facts, survey
from tf_ssd.data.records import Record, Written
from tf_ssd.errors import DatasetError, Place

PIXELS = np.random.default_rng(0).integers(0, 256, (10, 20, 3), np.uint8)
BOX, OTHER = (2, 2, 10, 6), (2, 2, 10, 7)


def encoded(pixels=PIXELS, kind="PNG", orientation=1) -> bytes:
    exif, buffer = Image.Exif(), BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(buffer, kind, **({} if kind == "BMP" else {"exif": exif}))
    return buffer.getvalue()


def record(name="a", image=None, *, boxes=(BOX,), labels=None, difficult=(), crowd=(), size=(20, 10)) -> Record:
    rows = len(boxes)
    return Record(
        name,
        encoded() if image is None else image,
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(labels or [1] * rows, np.int32),
        np.isin(np.arange(rows), difficult),
        np.isin(np.arange(rows), crowd),
        size,
    )


class Listed:
    class_names = ("cat", "dog")
    notes = ()

    def __init__(self, *records):
        self._records = records

    def __len__(self):
        return len(self._records)

    def __getitem__(self, index):
        if isinstance(self._records[index], Exception):
            raise self._records[index]
        return self._records[index]


def look(*records, exif="ignore"):
    findings = Findings("train")
    return survey("train", Listed.class_names, findings, list(facts(Listed(*records), findings, exif=exif)))


def kinds(*records, **options) -> list[str]:
    return [finding.kind for finding in look(*records, **options).findings]


def test_what_is_kept():
    found = look(record("a"), record("b", boxes=()), record("c", boxes=(OTHER, BOX), labels=[2, 1], difficult=[0], crowd=[1]))
    assert [found.names[number] for number in range(3)] == ["record a", "record b", "record c"]
    assert found.counts.tolist() == [1, 0, 2]
    assert found.image.tolist() == [0, 2, 2]
    np.testing.assert_array_equal(found.boxes_px, [BOX, OTHER, BOX])
    assert (found.labels.tolist(), found.difficult.tolist()) == ([1, 2, 1], [False, True, False])
    assert found.sizes.tolist() == found.box_sizes.tolist() == [[20, 10]] * 3
    assert found.orientations.tolist() == [1, 1, 1]
    assert found.boxes_of("cat").tolist() == [0]  # not the crowd
    assert found.boxes_of("dog").tolist() == [1]
    assert found.boxes_of("cow").tolist() == []


def test_no_records_at_all():
    found = look()
    assert (found.records, len(found.names), found.boxes_px.shape, found.box_sizes.shape) == (0, 0, (0, 4), (0, 2))


def test_the_digest_is_of_the_pixels():
    others = [record(image=encoded(np.array(pixels))) for pixels in (PIXELS[:, ::-1], PIXELS.reshape(20, 10, 3), PIXELS)]
    digests = look(record(), record(image=encoded(kind="BMP")), *others).digests
    assert digests[0] == digests[1] == digests[4]
    assert len(set(digests)) == 3


def test_a_record_that_cannot_be_used_is_an_error_and_left_out():
    found = look(record("a"), DatasetError("b.xml: broken"), record("c"))
    assert (found.records, len(found.names)) == (3, 2)
    assert [(finding.severity, finding.message) for finding in found.findings] == [("error", "b.xml: broken")]


def test_a_bug_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        look(ZeroDivisionError())


@pytest.mark.parametrize("image", [b"", b"text", encoded()[:200]])
def test_an_image_that_cannot_be_decoded_keeps_its_boxes(image):
    found = look(record(image=image))
    assert [finding.kind for finding in found.findings] == ["unreadable images"]
    assert found.digests == [b""]
    assert len(found.boxes_px) == 1


def test_a_missing_file(tmp_path):
    assert kinds(record(image=tmp_path / "gone.png")) == ["missing files"]


def test_more_records_than_go_through_at_once_stay_in_order():
    left = np.linspace(0, 10, AT_A_TIME + 3)
    found = look(*(record(boxes=[(low, 0, 20, 10)]) for low in left))
    np.testing.assert_array_equal(found.boxes_px[:, 0], left)


TURNED = encoded(orientation=6)
DIFFERS, ORIENTED = "sizes that differ from the image's", "images with an EXIF orientation"


@pytest.mark.parametrize(
    ("size", "exif", "expected"),
    [
        ((20, 10), "ignore", [ORIENTED]),
        ((10, 20), "ignore", [ORIENTED, DIFFERS]),
        ((10, 20), "apply", [ORIENTED]),
        ((20, 10), "apply", [ORIENTED, DIFFERS]),
        (None, "apply", [ORIENTED]),
    ],
)
def test_sizes_of_turned_images(size, exif, expected):
    assert kinds(record(image=TURNED, size=size), exif=exif) == expected


def test_advice_about_sizes():
    messages = [finding.message for finding in look(record("a", image=TURNED, size=(10, 20)), record("b", size=(10, 20))).findings]
    assert "record a: 20 x 10 px, but its annotation says 10 x 20; --exif apply would make them agree" in messages
    assert "record b: 20 x 10 px, but its annotation says 10 x 20; correct the size, or the boxes" in messages


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"boxes": ()}, ["images without boxes"]),
        ({"difficult": [0]}, ["images with difficult boxes only"]),
        ({"boxes": (BOX, OTHER), "difficult": [0]}, []),
        ({"crowd": [0]}, ["images with crowds only"]),
        ({"boxes": (BOX, BOX)}, ["duplicate boxes"]),
        ({"boxes": (BOX, BOX, BOX)}, ["duplicate boxes"] * 2),
        ({"boxes": (BOX, BOX), "labels": [1, 2]}, []),
        ({"boxes": (BOX, OTHER)}, []),
    ],
)
def test_rows(rows, expected):
    assert kinds(record(**rows)) == expected


def test_duplicate_boxes_are_named_in_pixels():
    [finding] = look(record("a", boxes=(OTHER, BOX, BOX), labels=[1, 2, 2])).findings
    assert finding.message == "record a: boxes 2 and 3 are the same dog: xmin=2 ymin=2 xmax=10 ymax=6; remove one"


# Sizes that only the header of an image says


def unsized(*boxes, **options) -> Record:
    written = tuple(Written(Place("a.csv", f"line {row}"), "a box") for row in range(len(boxes)))
    return replace(record(boxes=boxes, size=None, **options), written=written)


def test_boxes_are_fitted_to_the_image_as_it_is_used():
    found = look(unsized((2, 2, 10, 15), (12, 2, 20, 6), image=TURNED), exif="apply")
    assert found.box_sizes.tolist() == [[10, 20]]
    np.testing.assert_array_equal(found.boxes_px, [(2, 2, 10, 15)])
    messages = [(finding.severity, finding.message) for finding in found.findings][1:]
    assert messages == [("error", "a.csv: line 1: a box lies outside the image of 10 x 20 px; correct the box")]
    found = look(unsized((2, 2, 10, 15)))
    assert [(finding.severity, finding.message) for finding in found.findings] == [("warning", "a.csv: line 0: a box")]
    np.testing.assert_array_equal(found.boxes_px, [(2, 2, 10, 10)])


def test_without_image_or_size_boxes_stay_as_annotated():
    found = look(unsized((2, 2, 10, 15), image=b""), record())
    assert [finding.kind for finding in found.findings] == ["unreadable images"]
    assert found.box_sizes.tolist() == [[0, 0], [20, 10]]
    np.testing.assert_array_equal(found.boxes_px, [(2, 2, 10, 15), BOX])
    assert ground_truth(found).counts.tolist() == [1]  # fractions of an image of unknown size would say nothing
