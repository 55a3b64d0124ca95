"""Batches for training and evaluation: batch k is a function of (dataset, settings, k) alone.

Nothing but a few batches is ever in memory, images have a static shape, the rows of ground truth one of a few, and an error in a
record comes out as it was raised.
"""

from collections.abc import Callable, Generator, Iterator
from functools import cached_property, lru_cache, partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_ssd.config import AUGMENTATIONS, AugmentConfig, Difficult, Exif, OnBadImage
from tf_ssd.data.augment import augment_encoded, resize_encoded
from tf_ssd.data.batches.close_at_exit import closed_at_exit
from tf_ssd.data.batches.loader import Loader, each_once, load
from tf_ssd.data.batches.order import TrainingOrder
from tf_ssd.data.notes import RecordNotes
from tf_ssd.data.records import Dataset
from tf_ssd.data.subset import most_rows
from tf_ssd.errors import ConfigError, DatasetError

PREFETCHED_BATCHES = 2
ROWS = tuple(8 * 2**power for power in range(14))  # XLA compiles once per shape


class Batch(NamedTuple):
    """B images and their ground truth, padded to G rows, one of 8, 16, 32, ...

    Attributes:
        images: (B, S, S, 3) float32, RGB 0..255.
        boxes: (B, G, 4) float32, xyxy fractions; padding is zeros.
        labels: (B, G) int32, 1..C-1; 0 is padding, `matcher.IGNORED` what is neither trained on nor background.
        difficult: (B, G) bool.
        crowd: (B, G) bool, rows that stand for a group; in training only if they are ignored.
        index: (B,) int64, number of the record; -1 for black images that fill a place in evaluation.
    """

    images: tf.Tensor
    boxes: tf.Tensor
    labels: tf.Tensor
    difficult: tf.Tensor
    crowd: tf.Tensor
    index: tf.Tensor


class TrainingBatches:
    """The endless sequence of training batches: shuffled anew each epoch, augmented, across the borders of epochs.

    Batch k is a function of the arguments and k: it is the same made alone, in sequence, or in shares by several workers. An image
    without rows is trained on as it is.

    Args:
        dataset: the records.
        batch_size: B, of all workers together.
        image_size: S.
        seed: any integer from 0; the order, and all random numbers of the augmentation, follow from it and the position.
        augment: what is done to each image.
        exif: whether images are turned as their EXIF data say.
        on_bad_image: "error", or "skip": the next image of the epoch takes the place of one that cannot be decoded.
        difficult: "train": difficult rows are like others, and rows that stand for a group are left out; "ignore": both get the
            label `matcher.IGNORED`.
        factors: how often each record comes in an epoch, see `TrainingOrder`.
        worker: which share of each batch this worker makes, from 0.
        workers: number of shares; each is B / workers images, and all shares of a batch side by side are the batch.

    Raises:
        ConfigError: `batch_size` cannot be shared.
        DatasetError: the dataset is empty; from the iterator, a record cannot be used.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        batch_size: int,
        image_size: int,
        seed: int,
        augment: AugmentConfig = AUGMENTATIONS["ssd"],
        exif: Exif = "ignore",
        on_bad_image: OnBadImage = "error",
        difficult: Difficult = "train",
        factors: np.ndarray | None = None,
        worker: int = 0,
        workers: int = 1,
    ) -> None:
        size = len(dataset)
        if not size:
            raise DatasetError("the dataset has no records to train on; check its split")
        if batch_size % workers:
            raise ConfigError(f"--batch-size {batch_size} cannot be shared by {workers} workers; choose a multiple of {workers}")

        order = TrainingOrder(size=size, seed=seed, factors=factors)
        length, ignored = len(order), difficult == "ignore"

        def candidates(position: int) -> Iterator[int]:
            """Those that follow in the epoch stand in for an image that is skipped."""
            start = position - position % length
            for offset in range(length):
                yield order[start + (position + offset) % length]

        self._loader = Loader(dataset, candidates, exif=exif, on_bad_image=on_bad_image, crowd=ignored, ignored=ignored)
        self._most_rows = partial(most_rows, dataset, difficult=difficult)
        self._batch_size, self._first, self._share = batch_size, worker * (batch_size // workers), batch_size // workers
        self._seed, self._example = seed, training_example(augment, image_size)
        self._one = tf.function(lambda number: self._dataset(number, number + 1).get_single_element(), autograph=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was skipped so far, and boxes that turned out to lie beyond their image when that was read."""
        return self._loader.notes.sentences()

    @cached_property
    def max_boxes(self) -> int:
        """The largest number of ground-truth rows of an image. All annotations are read for it, and raise DatasetError."""
        return self._most_rows()

    def batches(self, first: int, stop: int) -> Iterator[Batch]:
        """The batches first..stop-1, several ahead in parallel."""
        return closed_at_exit(self._sequence(first, stop))

    def batch(self, number: int) -> Batch:
        """One batch, made alone; may be called from several threads."""
        batch = self._one(tf.constant(number, tf.int64))
        self._loader.raise_first(self._positions(number))
        return batch

    def _sequence(self, first: int, stop: int) -> Generator[Batch, None, None]:
        dataset = self._dataset(first, stop).prefetch(PREFETCHED_BATCHES)
        for number, batch in enumerate(dataset, start=first):
            self._loader.raise_first(self._positions(number))
            yield batch

    def _positions(self, number: int) -> range:
        start = number * self._batch_size + self._first
        return range(start, start + self._share)

    def _dataset(self, first: int | tf.Tensor, stop: int | tf.Tensor) -> tf.data.Dataset:
        share = self._share
        places = tf.data.Dataset.range(first * share, stop * share)
        positions = mapped(places, lambda place: place // share * self._batch_size + self._first + place % share)
        loader, seed = self._loader.number, tf.constant(self._seed, tf.int64)
        examples = mapped(positions, partial(self._example, loader, seed), num_parallel_calls=tf.data.AUTOTUNE)
        return mapped(examples.padded_batch(share, drop_remainder=True), _pad).with_options(_untuned())


def evaluation_batches(
    dataset: Dataset,
    *,
    batch_size: int,
    image_size: int,
    exif: Exif = "ignore",
    on_bad_image: OnBadImage = "error",
    notes: RecordNotes | None = None,
) -> Iterator[tuple[Batch, tf.Tensor]]:
    """Every record once, in order, as it is; the last batch is filled up with black images without labels, index -1.

    Arguments and errors as for `TrainingBatches`; with "skip", a black image takes the place of one that cannot be decoded, and
    `notes` counts it.

    Yields:
        A batch, and width and height of its images (B, 2) int32 in pixels, as their headers say.
    """
    loader = Loader(dataset, each_once(len(dataset)), exif=exif, on_bad_image=on_bad_image, crowd=True, notes=notes)
    example = partial(evaluation_example(image_size), loader.number)
    count = -(-len(dataset) // batch_size)
    positions = tf.data.Dataset.range(count * batch_size)
    examples = mapped(positions, example, num_parallel_calls=tf.data.AUTOTUNE).padded_batch(batch_size, drop_remainder=True)
    batches = mapped(examples, lambda batch, sizes_px: (_pad(batch), sizes_px))

    def sequence() -> Generator[tuple[Batch, tf.Tensor], None, None]:
        for number, pair in enumerate(batches.with_options(_untuned()).prefetch(PREFETCHED_BATCHES)):
            loader.raise_first(range(number * batch_size, (number + 1) * batch_size))
            yield pair

    return closed_at_exit(sequence())


@lru_cache(maxsize=8)
def training_example(augment: AugmentConfig, image_size: int) -> tf.types.experimental.PolymorphicFunction:
    """A function from a loader's number, a seed and a position to an augmented example and its record's number.

    To trace it takes longer than all else that a pipeline is made of, so that pipelines share it.
    """

    @tf.function(autograph=False)
    def example(loader: tf.Tensor, seed: tf.Tensor, position: tf.Tensor) -> Batch:
        rows, size_px, read, index = load(loader, position)
        key = tf.stack([seed, position])
        return Batch(*augment_encoded(rows, size_px, read, key, config=augment, image_size=image_size), index)

    return example


@lru_cache(maxsize=8)
def evaluation_example(image_size: int) -> tf.types.experimental.PolymorphicFunction:
    """The same without augmentation, from a loader's number and a position; the image's size (2,) comes with it."""

    @tf.function(autograph=False)
    def example(loader: tf.Tensor, position: tf.Tensor) -> tuple[Batch, tf.Tensor]:
        rows, size_px, read, index = load(loader, position)
        return Batch(*resize_encoded(rows, size_px, read, image_size=image_size), index), size_px

    return example


def mapped(dataset: tf.data.Dataset, function: Callable[..., object], **options: int) -> tf.data.Dataset:
    """`dataset.map` without AutoGraph, which takes seconds to read code that needs none of it."""
    return dataset.map(tf.autograph.experimental.do_not_convert(function), **options)


def padded_rows(rows: tf.Tensor) -> tf.Tensor:
    """G for images with up to `rows` rows of ground truth: 8, 16, 32, ..."""
    sizes = tf.constant(ROWS)
    return sizes[tf.searchsorted(sizes, rows[None])[0]]


@tf.function(autograph=False)  # traced once for all pipelines
def _pad(batch: Batch) -> Batch:
    """A batch whose rows, as many as its fullest image has, are padded to one of `ROWS`."""
    added = padded_rows(tf.shape(batch.labels)[1]) - tf.shape(batch.labels)[1]
    columns = {name: _pad_rows(getattr(batch, name), added) for name in ("boxes", "labels", "difficult", "crowd")}
    return batch._replace(**columns)


def _untuned() -> tf.data.Options:
    """Without the thread that tunes a pipeline as it runs: it may sleep for a minute before it lets a closed iterator end."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _pad_rows(column: tf.Tensor, added: tf.Tensor) -> tf.Tensor:
    """A column (B, G, ...) with more rows of zeros."""
    shape = tf.tensor_scatter_nd_update(tf.shape(column), [[1]], added[None])
    return tf.concat([column, tf.zeros(shape, column.dtype)], axis=1)
