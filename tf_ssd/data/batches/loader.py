"""Records for tf.data: read and decoded in Python functions inside the graph, with the errors kept for whoever asks for a batch.

A graph knows a loader by its number, so that one graph does for all of them.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from weakref import WeakValueDictionary

import numpy as np
import tensorflow as tf

from tf_ssd.boxes_px import to_fractions
from tf_ssd.config import Exif, OnBadImage
from tf_ssd.data.augment import Example
from tf_ssd.data.contradictions import contradictions
from tf_ssd.data.ground_truth import fit_record
from tf_ssd.data.images.decode import decode, decode_part, name_of, read_encoded, read_header
from tf_ssd.data.images.source import Read
from tf_ssd.data.notes import Problem, RecordNotes
from tf_ssd.data.records import Dataset
from tf_ssd.errors import DatasetError, ImageError
from tf_ssd.matcher import IGNORED

MOST_IN_A_ROW = 100  # images that cannot be decoded: then something else is wrong
FILLED = -1  # in place of the number of a record
SKIPPED = "images that cannot be decoded, skipped"
# What stands in for a record: encoded, name, size, boxes, labels, difficult, crowd, number.
BLACK = (
    b"",
    b"",
    np.ones(2, np.int32),
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.int32),
    *2 * [np.zeros(0, bool)],
    np.int64(FILLED),
)

_numbers = count()
_loaders: WeakValueDictionary[int, "Loader"] = WeakValueDictionary()


class Loader:
    """Reads the records of a dataset at the positions of a sequence.

    What a record raises stays here until its batch is asked for, and a placeholder travels on: an exception passed through
    TensorFlow would come out as a text with a traceback, and be logged besides.

    Args:
        dataset: the records.
        candidates: the records for a position, each to be tried if those before it are skipped; the first is the one meant,
            and FILLED stands for a black image without ground truth.
        exif: whether to turn images as their EXIF data say.
        on_bad_image: "skip" decodes each image in whole when it is first used, and takes the next candidate if that fails.
        crowd: whether rows that stand for a group are kept.
        ignored: whether these and difficult rows get the label `matcher.IGNORED`.
        notes: where images that are skipped, or contradict their annotations, and boxes that are dropped or clipped, are counted.

    Attributes:
        number: () int64, by which `load` knows it as long as it is there.
    """

    def __init__(
        self,
        dataset: Dataset,
        candidates: Callable[[int], Iterable[int]],
        *,
        exif: Exif,
        on_bad_image: OnBadImage,
        crowd: bool,
        ignored: bool = False,
        notes: RecordNotes | None = None,
    ) -> None:
        self._dataset, self._candidates = dataset, candidates
        self._exif, self._on_bad_image, self._crowd, self._ignored = exif, on_bad_image, crowd, ignored
        self._readable = np.zeros(len(dataset), bool)
        self._unreadable = np.zeros(len(dataset), bool)
        self._errors: dict[int, Exception] = {}
        self.notes = notes or RecordNotes(len(dataset))
        self.number = np.int64(next(_numbers))
        _loaders[int(self.number)] = self

    def raise_first(self, positions: Iterable[int]) -> None:
        """Raise the error of the first of these positions that failed, as it was raised."""
        for position in positions:
            if position in self._errors:
                raise self._errors[position]

    def columns(self, position: int) -> tuple[object, ...]:
        """What stands for the record at a position: `BLACK` if there is an error, which is kept."""
        self._errors.pop(position, None)  # of an earlier attempt
        try:
            return self._usable(position)
        except Exception as error:
            self._errors[position] = error
            return BLACK

    def pixels(self, position: int, encoded: bytes, name: bytes, part_px: np.ndarray, reduction: int) -> np.ndarray | None:
        """A part of the image at a position; None if it cannot be decoded, and the error is kept."""
        try:
            return decode_part(encoded, os.fsdecode(name), part_px, reduction, exif=self._exif)
        except Exception as error:
            self._errors[position] = error
            return None

    def _usable(self, position: int) -> tuple[object, ...]:
        """The columns of the first candidate whose image can be used; raises DatasetError."""
        failed = 0
        for index in self._candidates(position):
            if index == FILLED:
                return BLACK
            if failed == MOST_IN_A_ROW:
                break
            failed += 1
            if self._unreadable[index]:
                continue
            try:
                return self._columns(index)
            except ImageError as error:
                if self._on_bad_image == "error":
                    raise
                self.notes.add(index, [Problem(SKIPPED, str(error), error.place)])
                self._unreadable[index] = True
        skipped = next(note for note in self.notes.sentences() if note.startswith(SKIPPED))
        raise DatasetError(f"{failed} images in a row cannot be decoded; {skipped}")

    def _columns(self, index: int) -> tuple[object, ...]:
        record = self._dataset[index]
        encoded, name = read_encoded(record), name_of(record)
        header = read_header(encoded, name)
        size = header.shown_size(self._exif)
        if self._on_bad_image == "skip" and not self._readable[index]:
            decode(encoded, name)
            self._readable[index] = True
        found = contradictions(record, header, name, self._exif)
        record, problems = fit_record(record, size, self.notes.notes)
        self.notes.add(index, [*found, *problems])
        rows = ~record.crowd | self._crowd  # (G,)
        boxes = to_fractions(record.boxes_px, record.size or size)  # (G, 4)
        labels = np.where(record.difficult | record.crowd, np.int32(IGNORED), record.labels) if self._ignored else record.labels
        columns = (boxes, labels, record.difficult, record.crowd)
        return encoded, os.fsencode(name), np.array(size, np.int32), *(column[rows] for column in columns), np.int64(index)


def load(number: tf.Tensor, position: tf.Tensor) -> tuple[Example, tf.Tensor, Read, tf.Tensor]:
    """The record at a position of a loader: its ground truth, its image's size (2,), what decodes a part of it, and its number.

    The example's image is a scalar without meaning; the reader is that of an `augment.Source`.

    Args:
        number: of the loader, () int64. After it has gone, as while an iterator that nobody wants is being closed, all is black.
        position: () int64.
    """
    types = (tf.string, tf.string, tf.int32, tf.float32, tf.int32, tf.bool, tf.bool, tf.int64)
    shapes = ((), (), (2,), (None, 4), (None,), (None,), (None,), ())
    place = tf.stack([number, position])
    tensors = tf.numpy_function(_columns_at, [place], types)
    tensors = [tf.ensure_shape(tensor, shape) for tensor, shape in zip(tensors, shapes, strict=True)]
    encoded, name, size_px, boxes, labels, difficult, crowd, index = tensors

    def read(part_px: tf.Tensor, reduction: tf.Tensor) -> tf.Tensor:
        pixels = tf.numpy_function(_pixels_at, [place, encoded, name, part_px, reduction], tf.uint8)
        return tf.ensure_shape(pixels, (None, None, 3))

    return Example(tf.constant(0, tf.uint8), boxes, labels, difficult, crowd), size_px, read, index


def _columns_at(place: np.ndarray) -> tuple[object, ...]:
    number, position = place.tolist()
    loader = _loaders.get(number)
    return loader.columns(position) if loader else BLACK


def _pixels_at(place: np.ndarray, encoded: bytes, name: bytes, part_px: np.ndarray, reduction: np.int32) -> np.ndarray:
    number, position = place.tolist()
    loader = _loaders.get(number)
    pixels = loader.pixels(position, encoded, name, part_px, int(reduction)) if loader and encoded else None
    if pixels is not None:
        return pixels
    left, top, right, bottom = part_px // reduction
    return np.zeros((max(1, bottom - top), max(1, right - left), 3), np.uint8)


def each_once(size: int) -> Callable[[int], Iterator[int]]:
    """Candidates that never stand in for each other: record `position`, then, or beyond the last, a black image."""

    def candidates(position: int) -> Iterator[int]:
        if position < size:
            yield position
        yield FILLED

    return candidates
