import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_ssd.data.batches.loader import FILLED, Loader, each_once
from tf_ssd.data.batches.loader import load as load_at
from tf_ssd.data.records import Record, Written
from tf_ssd.errors import DatasetError, ImageError, Place

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def png(pixels: np.ndarray = PIXELS) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


WHOLE = png()


def record(image: bytes | Path = WHOLE, rows: int = 3) -> Record:
    """The first row is a crowd, the second difficult."""
    boxes_px, number = np.tile([0, 0, 15.0, 20], (rows, 1)), np.arange(rows)
    return Record("r", image, boxes_px, np.ones(rows, np.int32), number == 1, number == 0, (30, 20))


BROKEN = record(WHOLE[:-40])  # its header can be read


class Listed:
    """Records in a list; an exception among them is raised in place of the record."""

    class_names, notes = ("thing",), ()

    def __init__(self, *records: Record | Exception) -> None:
        self.records = list(records)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Record:
        if isinstance(self.records[index], Exception):
            raise self.records[index]
        return self.records[index]


def loader(dataset: Listed, candidates=None, *, exif="ignore", on_bad_image="error", crowd=True) -> Loader:
    return Loader(dataset, candidates or each_once(len(dataset)), exif=exif, on_bad_image=on_bad_image, crowd=crowd)


def load(reader: Loader, position: int = 0):
    return load_at(reader.number, tf.constant(position, tf.int64))


def index_at(reader: Loader, position: int = 0) -> int:
    return int(load(reader, position)[3])


def pixels(reader: Loader, part: tuple[int, int, int, int], *, reduction: int = 1, position: int = 0) -> np.ndarray:
    """A part of the image at a position, decoded within a graph, as in a pipeline."""
    read = tf.function(lambda: load(reader, position)[2](tf.constant(part), tf.constant(reduction)), autograph=False)
    return read().numpy()


# What is loaded


def test_a_record():
    example, size_px, _, index = load(loader(Listed(BROKEN, record())), 1)
    np.testing.assert_array_equal(example.boxes, np.float32([[0, 0, 0.5, 1]] * 3))
    assert example.labels.numpy().tolist() == [1, 1, 1]
    assert example.difficult.numpy().tolist() == [False, True, False]
    assert example.crowd.numpy().tolist() == [True, False, False]
    assert (size_px.numpy().tolist(), int(index)) == ([30, 20], 1)


def test_crowds_can_be_left_out_with_all_their_columns():
    example = load(loader(Listed(record()), crowd=False))[0]
    assert example.boxes.shape == (2, 4)
    assert example.difficult.numpy().tolist() == [True, False]
    assert not example.crowd.numpy().any()


def test_a_part_is_decoded_when_it_is_asked_for():
    reader = loader(Listed(record()))
    np.testing.assert_array_equal(pixels(reader, (4, 2, 30, 20)), PIXELS[2:, 4:])
    assert pixels(reader, (4, 2, 30, 20), reduction=2).shape == (9, 13, 3)


def test_the_size_is_that_of_the_turned_image():
    buffer, exif = BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(buffer, "JPEG", exif=exif)
    sizes = {exif: load(loader(Listed(record(buffer.getvalue())), exif=exif))[1].numpy().tolist() for exif in ("ignore", "apply")}
    assert sizes == {"ignore": [30, 20], "apply": [20, 30]}
    unsized = Listed(replace(annotated((3, 6, 15, 15)), image=buffer.getvalue()))
    for exif, expected in (("ignore", [[0.1, 0.3, 0.5, 0.75]]), ("apply", [[0.15, 0.2, 0.75, 0.5]])):
        np.testing.assert_array_equal(load(loader(unsized, exif=exif))[0].boxes, np.float32(expected))


def test_beyond_the_last_record_there_is_black():
    reader = loader(Listed(record()))
    example, size_px, _, index = load(reader, 5)
    assert (int(index), len(example.labels), size_px.numpy().tolist()) == (FILLED, 0, [1, 1])
    np.testing.assert_array_equal(pixels(reader, (0, 0, 1, 1), position=5), np.zeros((1, 1, 3)))


def test_after_a_loader_has_gone_there_is_black():
    """As for the threads of an iterator that is being closed."""
    reader = loader(Listed(record()))
    number, position = reader.number, tf.constant(0, tf.int64)
    _, _, read, _ = load(reader)
    del reader
    gc.collect()
    assert int(load_at(number, position)[3]) == FILLED
    np.testing.assert_array_equal(read(tf.constant((0, 0, 2, 1)), tf.constant(1)), np.zeros((1, 2, 3)))


def annotated(*boxes_px) -> Record:
    """Of an image of 30 x 20 px whose annotation does not say so."""
    written = tuple(Written(Place("a.csv", f"line {row}"), "a box") for row in range(len(boxes_px)))
    return replace(record(rows=len(boxes_px)), boxes_px=np.array(boxes_px, np.float64), size=None, written=written)


BEYOND, OUTSIDE, SLIVER = (10, 5, 40, 10), (30, 0, 40, 10), (30 - 1e-8, 0, 40, 10)


def test_fractions_are_those_of_the_annotated_size_else_of_the_image():
    boxes = np.float32([[1 / 3, 1 / 4, 1, 1 / 2]])
    np.testing.assert_array_equal(load(loader(Listed(annotated(BEYOND))))[0].boxes, boxes)
    larger = replace(annotated(BEYOND), size=(60, 40))
    np.testing.assert_array_equal(load(loader(Listed(larger)))[0].boxes, boxes * np.float32([0.5, 0.5, 2 / 3, 0.5]))


def test_what_shows_when_the_size_is_known_counts_once_although_records_are_loaded_again():
    reader = loader(Listed(annotated(BEYOND, SLIVER, BEYOND), annotated(BEYOND)), crowd=False)
    for position in (0, 1, 0, 0, 1):
        assert index_at(reader, position) == position
    assert load(reader)[0].boxes.shape == (1, 4)  # the first is a crowd, the second a sliver
    clipped, dropped = reader.notes.sentences()
    assert dropped == "boxes without area, dropped: 1: a.csv: line 1: a box"
    rows = "; ".join(f"a.csv: line {row}: a box" for row in (0, 2, 0))
    assert clipped == f"boxes that reached beyond their image, clipped: 3: {rows}"


def test_an_image_of_another_size_than_annotated_is_noted_once():
    reader = loader(Listed(record(), replace(record(), size=(300, 200)), replace(record(), size=(20, 30))))
    for position in (0, 1, 2, 1, 2):
        load(reader, position)
    advice = "correct the size, or the boxes"
    sizes = [f"record r: 30 x 20 px, but its annotation says {size}; {advice}" for size in ("300 x 200", "20 x 30")]
    assert reader.notes.sentences() == (f"sizes that differ from the image's: 2: {'; '.join(sizes)}",)


def test_a_row_outside_its_image_is_an_error_each_time():
    reader = loader(Listed(annotated(BEYOND, OUTSIDE)), on_bad_image="skip")
    for _ in range(2):
        assert index_at(reader) == FILLED
        with pytest.raises(DatasetError, match=r"^a\.csv: line 1: a box lies outside the image of 30 x 20 px; correct the box$"):
            reader.raise_first([0])


# Errors stay until somebody asks


def test_the_first_of_the_positions_asked_for_is_raised_as_it_was():
    errors = [DatasetError(str(number)) for number in range(4)]
    reader = loader(Listed(*errors))
    assert [index_at(reader, position) for position in (3, 1, 2)] == [FILLED] * 3
    reader.raise_first([0, 7])
    with pytest.raises(DatasetError) as caught:
        reader.raise_first([0, 2, 1, 3])
    assert caught.value is errors[2]


def test_what_was_mended_is_no_error_any_more():
    dataset = Listed(DatasetError("missing"))
    reader = loader(dataset)
    assert index_at(reader) == FILLED
    dataset.records[0] = record()
    assert index_at(reader) == 0
    reader.raise_first([0])


def test_an_image_that_breaks_the_decoder_names_its_file_whatever_its_name(tmp_path):
    path = tmp_path / "caf\udce9.png"  # not Unicode on disk
    path.write_bytes(BROKEN.image)
    reader = loader(Listed(record(path)))
    np.testing.assert_array_equal(pixels(reader, (0, 0, 30, 20), reduction=2), np.zeros((10, 15, 3)))
    with pytest.raises(ImageError) as caught:
        reader.raise_first([0])
    assert str(caught.value).startswith(f"{path}: cannot be read as an image")


# Images that are skipped


def test_the_next_candidate_takes_the_place_of_an_image_that_cannot_be_decoded():
    reader = loader(Listed(BROKEN, record(b""), record()), lambda position: (0, 1, 2), on_bad_image="skip")
    assert index_at(reader) == 2
    (note,) = reader.notes.sentences()
    assert note.startswith("images that cannot be decoded, skipped: 2: record r: cannot be read as an image")


def test_what_is_not_about_the_image_is_never_skipped():
    reader = loader(Listed(DatasetError("a.xml: object 2"), record()), lambda position: (0, 1), on_bad_image="skip")
    assert index_at(reader) == FILLED
    with pytest.raises(DatasetError, match=r"a\.xml: object 2"):
        reader.raise_first([0])


def test_an_image_skipped_by_several_threads_at_once_is_counted_once():
    for _ in range(10):
        reader = loader(Listed(BROKEN, record()), lambda position: (0, 1), on_bad_image="skip")
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda position, reader=reader: index_at(reader, position), range(8))) == {1}
        assert reader.notes.sentences()[0].startswith("images that cannot be decoded, skipped: 1: ")


def test_a_hundred_failures_in_a_row_are_enough():
    tried = count()
    reader = loader(Listed(*[BROKEN] * 300), lambda position: (next(tried) for _ in range(300)), on_bad_image="skip")
    assert index_at(reader) == FILLED
    with pytest.raises(DatasetError, match=r"^100 images in a row cannot be decoded; .*, skipped: 100: "):
        reader.raise_first([0])


def test_each_once():
    assert [list(each_once(2)(position)) for position in (0, 1, 2)] == [[0, FILLED], [1, FILLED], [FILLED]]
