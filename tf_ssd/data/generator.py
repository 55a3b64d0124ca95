"""Batches for training and evaluation: batch k is a function of (dataset, seed, k) alone.

Nothing but a few batches is ever in memory, every tensor has a static shape, and an error in a record comes out of the
iterator as it was raised.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_ssd import boxes as box_ops
from tf_ssd.data.records import Dataset, Record, read_image
from tf_ssd.errors import DatasetError

PREFETCHED_BATCHES = 2
FEWEST_ROWS = 8
PADDING = -1  # in place of the number of a record
FAILED = -2
EMPTY_RECORD = Record("", b"", np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, bool))
BLACK = np.zeros((1, 1, 3), np.uint8)


class Batch(NamedTuple):
    """B images and their ground truth, padded to G rows.

    Attributes:
        images: (B, S, S, 3) float32, RGB 0..255.
        boxes: (B, G, 4) float32, xyxy fractions; padding is zeros.
        labels: (B, G) int32, 1..C-1; 0 is padding.
        difficult: (B, G) bool.
        index: (B,) int64, number of the record; -1 for the black images that fill the last evaluation batch.
    """

    images: tf.Tensor
    boxes: tf.Tensor
    labels: tf.Tensor
    difficult: tf.Tensor
    index: tf.Tensor


def ground_truth_rows(max_boxes: int) -> int:
    """G for a dataset with up to `max_boxes` boxes in an image: 8, 16, 32, ..., as XLA compiles once per shape."""
    rows = FEWEST_ROWS
    while rows < max_boxes:
        rows *= 2
    return rows


def training_batches(
    dataset: Dataset, *, batch_size: int, image_size: int, seed: int, steps: int, first_step: int = 0
) -> Iterator[Batch]:
    """Batches for the steps first_step..steps-1, shuffled anew each epoch, each image flipped with probability 0.5.

    Batches run across the borders of epochs, so that all have the same size. A later `first_step` continues a run
    exactly, without replaying the steps before.

    Args:
        dataset: the records.
        batch_size: B.
        image_size: S, to which images are resized bilinearly, without regard to their aspect ratio (Caffe SSD).
        seed: any integer from 0.
        steps: number of batches of the whole run.
        first_step: the first batch wanted.

    Raises:
        DatasetError: the dataset is empty, or, from the iterator, a record cannot be used.
    """
    size = len(dataset)
    if not size:
        raise DatasetError("the dataset has no records to train on; check its split")

    def flip_at_random(example: Batch, position: tf.Tensor) -> Batch:
        heads = tf.random.stateless_uniform((), seed=tf.stack([seed, position])) < 0.5
        return tf.cond(heads, lambda: _flip(example), lambda: example)

    loader = _Loader(dataset, lambda position: shuffled_index(position, size=size, seed=seed))
    positions = tf.data.Dataset.range(first_step * batch_size, steps * batch_size)
    examples = positions.map(
        lambda position: _resize(flip_at_random(loader.example(position), position), image_size),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return loader.iterate(_batches(examples, batch_size, dataset.max_boxes))


def evaluation_batches(dataset: Dataset, *, batch_size: int, image_size: int) -> Iterator[Batch]:
    """Every record once, in order, as it is; the last batch is filled up with black images without labels, index -1.

    Arguments and errors as for `training_batches`.
    """
    size = len(dataset)
    loader = _Loader(dataset, lambda position: position if position < size else PADDING)
    positions = tf.data.Dataset.range(-(-size // batch_size) * batch_size)
    examples = positions.map(lambda position: _resize(loader.example(position), image_size), num_parallel_calls=tf.data.AUTOTUNE)
    return loader.iterate(_batches(examples, batch_size, dataset.max_boxes))


def shuffled_index(position: int, *, size: int, seed: int) -> int:
    """The record at a position of the endless training order: each epoch is a permutation keyed by (seed, epoch)."""
    epoch, offset = divmod(position, size)
    return int(_permutation(size, seed, epoch)[offset])


@lru_cache(maxsize=4)  # calls come from several threads, around the border of two epochs
def _permutation(size: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(size)


class _Loader:
    """Reads records for tf.data, and keeps what they raise.

    A record that cannot be used travels on as a placeholder with the index FAILED, until its batch is asked for: an
    exception passed through TensorFlow would come out as a text with a traceback, and be logged besides.
    """

    def __init__(self, dataset: Dataset, index_at: Callable[[int], int]) -> None:
        self._dataset = dataset
        self._index_at = index_at
        self._errors: dict[int, Exception] = {}

    def example(self, position: tf.Tensor) -> Batch:
        """One image (H, W, 3) uint8 with its ground truth (G_i, ...), as a `Batch` without its first axis."""
        types = (tf.uint8, tf.float32, tf.int32, tf.bool, tf.int64)
        shapes = ((None, None, 3), (None, 4), (None,), (None,), ())
        tensors = tf.numpy_function(self._load, [position], types)
        return Batch(*(tf.ensure_shape(tensor, shape) for tensor, shape in zip(tensors, shapes, strict=True)))

    def iterate(self, batches: tf.data.Dataset) -> Iterator[Batch]:
        """The batches, up to the first with a record that failed: then the error, as it was raised."""
        for batch in batches:
            if self._errors and FAILED in batch.index.numpy():
                # Later positions may have failed by now as well, in other threads.
                raise self._errors[min(self._errors)]
            yield batch

    def _load(self, position: np.int64) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.int64]:
        index = self._index_at(int(position))
        try:
            record, image = self._read(index)
        except Exception as error:
            self._errors[int(position)] = error
            record, image, index = EMPTY_RECORD, BLACK, FAILED
        return image, record.boxes, record.labels, record.difficult, np.int64(index)

    def _read(self, index: int) -> tuple[Record, np.ndarray]:
        if index == PADDING:
            return EMPTY_RECORD, BLACK
        record = self._dataset[index]
        return record, read_image(record)


def _flip(example: Batch) -> Batch:
    return example._replace(images=tf.reverse(example.images, axis=[1]), boxes=box_ops.flip_horizontal(example.boxes))


def _resize(example: Batch, image_size: int) -> Batch:
    """Bilinear, without antialiasing, as OpenCV's default and hence Caffe SSD; float32, 0..255."""
    return example._replace(images=tf.image.resize(example.images, (image_size, image_size)))


def _batches(examples: tf.data.Dataset, batch_size: int, max_boxes: int) -> tf.data.Dataset:
    """Batches of fixed shape; rows are padded after the flip, so that padding stays zero."""
    rows = ground_truth_rows(max_boxes)
    size = examples.element_spec.images.shape
    shapes = Batch(images=size, boxes=(rows, 4), labels=(rows,), difficult=(rows,), index=())
    return examples.padded_batch(batch_size, shapes, drop_remainder=True).prefetch(PREFETCHED_BATCHES)
