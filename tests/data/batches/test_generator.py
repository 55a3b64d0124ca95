import hashlib
import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.data.columns import assert_equal
from tf_ssd.config import AUGMENTATIONS
from tf_ssd.data.batches.generator import (
    Batch,
    TrainingBatches,
    evaluation_batches,
    evaluation_example,
    padded_rows,
    training_example,
)
from tf_ssd.data.batches.sequence import TrainingSequence
from tf_ssd.data.notes import RecordNotes
from tf_ssd.data.readers.coco import CocoDataset
from tf_ssd.data.records import Record
from tf_ssd.errors import ConfigError, DatasetError, ImageError
from tf_ssd.matcher import IGNORED


class NumberedDataset:
    """Record i is a 12 x 8 picture, dark on the left and of brightness 100 + i % 100 on the right, with i % 4 boxes."""

    class_names = ("thing",)
    notes = ()

    def __init__(self, size: int, errors: dict[int, Exception] | None = None, rows: dict[int, int] | None = None) -> None:
        self.size = size
        self.errors, self.rows = errors or {}, rows or {}
        self.reads: list[int] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Record:
        with self._lock:
            self.reads.append(index)
        if index in self.errors:
            raise self.errors[index]
        pixels = np.zeros((8, 12, 3), np.uint8)
        pixels[:, 6:] = 100 + index % 100
        rows = self.rows.get(index, index % 4)
        boxes_px = np.tile([[6.0, 2, 9, 8]], (rows, 1))
        return Record(str(index), bmp(pixels), boxes_px, np.ones(rows, np.int32), np.arange(rows) % 2 == 1)


def bmp(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "BMP")
    return buffer.getvalue()


def source(dataset, *, batch_size=4, seed=5, augment="flip", **options) -> TrainingBatches:
    augment = AUGMENTATIONS[augment]
    return TrainingBatches(dataset, batch_size=batch_size, image_size=16, seed=seed, augment=augment, **options)


def train(dataset, *, first=0, steps=10, **options) -> list[Batch]:
    return [arrays(batch) for batch in source(dataset, **options).batches(first, steps)]


def evaluate(dataset, *, batch_size=4, image_size=16, **options) -> list[Batch]:
    return [arrays(batch) for batch, _ in evaluation_batches(dataset, batch_size=batch_size, image_size=image_size, **options)]


def arrays(batch: Batch) -> Batch:
    return Batch(*(tensor.numpy() for tensor in batch))


def order(batches: list[Batch]) -> list[int]:
    return np.concatenate([batch.index for batch in batches]).tolist()


# Shapes


@pytest.mark.parametrize(
    ("rows", "padded"),
    [(0, 8), (1, 8), (8, 8), (9, 16), (16, 16), (17, 32), (33, 64), (65, 128), (129, 256), (300, 512), (65536, 65536)],
)
def test_padded_rows(rows, padded):
    assert int(padded_rows(tf.constant(rows))) == padded


@pytest.mark.parametrize("batches", [train, evaluate])
def test_shapes_are_the_same_in_every_batch(batches):
    shapes = [
        ((4, 16, 16, 3), np.float32),
        ((4, 8, 4), np.float32),
        ((4, 8), np.int32),
        ((4, 8), bool),
        ((4, 8), bool),
        ((4,), np.int64),
    ]
    for batch in batches(NumberedDataset(12)):
        assert [(column.shape, column.dtype) for column in batch] == shapes


def test_rows_are_padded_batch_by_batch():
    """One crowded image among many costs no more than its own batch."""
    dataset = NumberedDataset(12, rows={5: 9, 10: 40})
    assert [batch.boxes.shape[1] for batch in evaluate(dataset)] == [8, 16, 64]


# Rows that are ignored, and records that are repeated


class OddDataset(NumberedDataset):
    """Of its three boxes the second is difficult and the third a crowd."""

    def __getitem__(self, index: int) -> Record:
        return replace(super().__getitem__(index), difficult=np.array([0, 1, 0], bool), crowd=np.array([0, 0, 1], bool))


@pytest.mark.parametrize(("difficult", "labels"), [("train", [1, 1, 0]), ("ignore", [1, IGNORED, IGNORED])])
def test_difficult_rows_and_crowds(difficult, labels):
    for batch in train(OddDataset(4, rows=dict.fromkeys(range(4), 3)), difficult=difficult, steps=2):
        assert batch.labels[:, :3].tolist() == [labels] * 4
        np.testing.assert_array_equal(batch.boxes.any(axis=-1), batch.labels != 0)


def test_records_with_factors_are_repeated_also_in_place_of_bad_ones():
    factors = np.array([1, 1, 3, 1.0])
    positions = order(train(NumberedDataset(4), steps=3, batch_size=2, factors=factors))
    assert np.bincount(positions).tolist() == [1, 1, 3, 1]
    assert positions == order(train(NumberedDataset(4), steps=3, batch_size=2, factors=factors))
    bad = {0: ImageError("unreadable")}
    skipped = order(train(NumberedDataset(4, bad), steps=3, batch_size=2, factors=factors, on_bad_image="skip"))
    assert set(skipped) == {1, 2, 3}


# Order


def test_each_epoch_is_a_permutation_of_its_own():
    positions = order(train(NumberedDataset(20), steps=10))
    first, second = positions[:20], positions[20:]
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert first != sorted(first)


def test_batches_run_across_the_borders_of_epochs():
    batches = train(NumberedDataset(6), steps=3)
    positions = order(batches)
    assert sorted(positions[:6]) == sorted(positions[6:]) == list(range(6))


@pytest.mark.parametrize("size", [1, 3])
def test_a_dataset_smaller_than_a_batch(size):
    positions = order(train(NumberedDataset(size), batch_size=9, steps=1))
    assert [sorted(positions[start : start + size]) for start in range(0, 9, size)] == [[*range(size)]] * (9 // size)


def test_pipelines_share_what_makes_an_example():
    for seed, dataset in ((1, NumberedDataset(20)), (2, NumberedDataset(9))):
        train(dataset, seed=seed, steps=1)
        evaluate(dataset)
    for example in (training_example(AUGMENTATIONS["flip"], 16), evaluation_example(16)):
        assert example.experimental_get_tracing_count() == 1


def test_the_seed_changes_the_order():
    assert order(train(NumberedDataset(20), seed=1)) != order(train(NumberedDataset(20), seed=2))


def test_a_batch_is_a_function_of_seed_and_number():
    dataset = NumberedDataset(7)
    whole, again = train(dataset, steps=8, augment="ssd"), train(dataset, steps=8, augment="ssd")
    resumed = train(dataset, first=5, steps=8, augment="ssd")
    another = source(dataset, augment="ssd")
    alone = [arrays(another.batch(number)) for number in reversed(range(8))][::-1]
    assert [len(whole), len(resumed)] == [8, 3]
    for mine, other in zip([*whole, *whole, *whole[5:]], [*again, *alone, *resumed], strict=True):
        assert_equal(mine, other)


@pytest.mark.parametrize("workers", [2, 4])
def test_the_shares_of_several_workers_are_the_batch(workers):
    dataset = NumberedDataset(7, rows={3: 12})
    whole = train(dataset, steps=6, augment="ssd")
    shares = [train(dataset, steps=6, augment="ssd", worker=worker, workers=workers) for worker in range(workers)]
    for number, batch in enumerate(whole):
        parts = [share[number] for share in shares]
        assert all(len(part.images) == 4 // workers for part in parts)
        for column in ("images", "index"):
            np.testing.assert_array_equal(np.concatenate([getattr(part, column) for part in parts]), getattr(batch, column))
        for column in ("boxes", "labels", "difficult"):
            rows = [
                row[: np.count_nonzero(real)]
                for part in parts
                for row, real in zip(getattr(part, column), part.labels, strict=True)
            ]
            for row, expected in zip(rows, getattr(batch, column), strict=True):
                np.testing.assert_array_equal(row, expected[: len(row)])
                assert not expected[len(row) :].any()


def test_a_batch_that_cannot_be_shared():
    with pytest.raises(ConfigError, match="--batch-size 4 cannot be shared by 3 workers"):
        source(NumberedDataset(7), workers=3)


def test_a_finished_run_has_no_batches():
    assert train(NumberedDataset(7), first=8, steps=8) == []


# Contents


def test_images_are_flipped_with_their_boxes_about_half_the_time():
    flipped = []
    for batch in train(NumberedDataset(50), steps=100):
        for image, boxes, labels, number in zip(batch.images, batch.boxes, batch.labels, batch.index, strict=True):
            left, right = image[:, 0], image[:, -1]
            flipped.append(left.max() > right.max())
            np.testing.assert_array_equal(left if flipped[-1] else right, np.float32(100 + number))
            rows = int(number % 4)
            expected = [0.25, 0.25, 0.5, 1] if flipped[-1] else [0.5, 0.25, 0.75, 1]
            np.testing.assert_array_equal(boxes[:rows], np.tile(expected, (rows, 1)))
            assert not boxes[rows:].any(), "padding rows must stay zero when the image is flipped"
            np.testing.assert_array_equal(labels, [1] * rows + [0] * (8 - rows))
    assert 0.4 < np.mean(flipped) < 0.6


def test_a_record_is_not_always_flipped_alike():
    batches = train(NumberedDataset(1), batch_size=1, steps=30)
    assert {bool(batch.images[0, 0, 0, 0] > 0) for batch in batches} == {False, True}


def test_the_seed_changes_the_flips():
    flips = [[bool(b.images[0, 0, 0, 0] > 0) for b in train(NumberedDataset(1), batch_size=1, seed=s, steps=30)] for s in (1, 2)]
    assert flips[0] != flips[1]


def test_difficult_comes_through():
    assert evaluate(NumberedDataset(4))[0].difficult[3].tolist() == [False, True, False] + [False] * 5


class OneImage(NumberedDataset):
    def __init__(self, pixels: np.ndarray) -> None:
        super().__init__(1)
        self.pixels = pixels

    def __getitem__(self, index: int) -> Record:
        record = super().__getitem__(index)
        return replace(record, image=bmp(self.pixels))


def test_sizes_of_images_stand_beside_evaluation_batches():
    sizes = [sizes_px.numpy().tolist() for _, sizes_px in evaluation_batches(NumberedDataset(5), batch_size=4, image_size=16)]
    assert sizes == [[[12, 8]] * 4, [[12, 8]] + [[1, 1]] * 3]  # the last three are black, of no size that means anything


def test_images_keep_their_values_and_the_order_of_colours():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    np.testing.assert_array_equal(evaluate(OneImage(pixels), batch_size=1)[0].images[0], pixels)


def test_resizing_is_bilinear():
    pixels = np.repeat(np.uint8([[[0], [100]]]), 3, axis=-1)  # (1, 2, 3)
    image = evaluate(OneImage(pixels), batch_size=1, image_size=4)[0].images[0]
    # Centres of the new pixels lie at -1/4, 1/4, 3/4 and 5/4 of the old.
    np.testing.assert_allclose(image[..., 0], np.tile([0, 25, 75, 100], (4, 1)))


def test_resizing_to_half_takes_neighbours_without_antialiasing():
    pixels = np.repeat(np.uint8([[[0], [255], [0], [0], [0], [0], [0], [0]]]), 3, axis=-1)  # (1, 8, 3)
    image = evaluate(OneImage(pixels), batch_size=1, image_size=2)[0].images[0]
    # The centres lie at 1.5 and 5.5 of the old: the mean of pixels 1 and 2, and of 5 and 6.
    np.testing.assert_allclose(image[..., 0], np.tile([127.5, 0], (2, 1)))


# Evaluation


def test_evaluation_gives_every_record_once_in_order_as_it_is():
    batches = evaluate(NumberedDataset(8))
    assert order(batches) == list(range(8))
    for batch in batches:
        np.testing.assert_array_equal(batch.images[:, 0, -1, 0], 100 + batch.index)
        assert not batch.images[:, 0, 0].any()


def test_the_last_evaluation_batch_is_filled_with_black():
    batches = evaluate(NumberedDataset(6))
    assert order(batches) == [0, 1, 2, 3, 4, 5, -1, -1]
    last = batches[-1]
    assert last.images[:2].any()
    assert not last.images[2:].any()
    assert not last.labels[2:].any()
    assert not last.boxes[2:].any()


# Errors


def one_by_one(dataset) -> list[Batch]:
    """Each of the first batches by itself."""
    return [source(dataset).batch(number) for number in range(len(dataset) // 4)]


@pytest.mark.parametrize("run", [train, evaluate, one_by_one])
def test_an_error_comes_out_as_it_was_raised(run):
    error = DatasetError("a.xml: object 3 (dog): broken")
    with pytest.raises(DatasetError) as caught:
        run(NumberedDataset(20, {13: error}))
    assert caught.value is error


def test_batches_before_an_error_come_first_and_the_first_error_wins():
    errors = {number: DatasetError(str(number)) for number in (9, 10, 11, 14)}
    batches = evaluation_batches(NumberedDataset(40, errors), batch_size=4, image_size=16)
    assert [batch.index.numpy()[0] for batch, _ in islice(batches, 2)] == [0, 4]
    with pytest.raises(DatasetError, match=r"^9$"):
        next(batches)


class Unreadable(NumberedDataset):
    def __getitem__(self, index: int) -> Record:
        return Record(f"r{index}", b"", *empty())


def test_an_unreadable_image_names_the_record():
    with pytest.raises(DatasetError, match="record r0: cannot be read"):
        evaluate(Unreadable(2))


def empty() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.zeros((0, 4)), np.zeros(0, np.int32), np.zeros(0, bool)


def test_errors_are_not_logged_by_tensorflow(capfd):
    with pytest.raises(DatasetError):
        evaluate(NumberedDataset(2, {0: DatasetError("bad")}))
    assert "Traceback" not in capfd.readouterr().err


def test_an_empty_dataset_cannot_be_trained_on():
    with pytest.raises(DatasetError, match="no records to train on"):
        source(NumberedDataset(0))


# Memory


@pytest.mark.parametrize("training", [True, False])
def test_only_a_few_records_are_read_ahead(training):
    dataset = NumberedDataset(2000)
    iterator = source(dataset).batches(0, 500) if training else evaluation_batches(dataset, batch_size=4, image_size=16)
    next(iterator)
    time.sleep(0.3)  # for threads that would read on
    iterator.close()
    assert 4 <= len(dataset.reads) < 200


# Crowds, images without labels, images that cannot be decoded


class Crowds(NumberedDataset):
    def __getitem__(self, index: int) -> Record:
        record = super().__getitem__(index)
        return replace(record, crowd=np.arange(len(record.labels)) == 0)


def test_crowds_are_evaluated_but_not_trained_on():
    evaluated, trained = evaluate(Crowds(4))[0], train(Crowds(4), steps=1)[0]
    assert (evaluated.labels > 0).sum(axis=1).tolist() == [0, 1, 2, 3]
    assert evaluated.crowd.sum(axis=1).tolist() == [0, 1, 1, 1]
    assert (trained.labels > 0).sum(axis=1).tolist() == [max(0, number - 1) for number in trained.index]
    assert not trained.crowd.any()


def test_an_image_without_labels_passes_through_every_step():
    batches = train(NumberedDataset(1), batch_size=1, steps=20, augment="ssd")
    assert all(batch.images.shape == (1, 16, 16, 3) and not batch.labels.any() for batch in batches)
    assert all(np.isfinite(batch.images).all() for batch in batches)


class Spoiled(NumberedDataset):
    """The images of some records cannot be decoded: cut short within their pixels."""

    def __init__(self, size: int, spoiled: set[int]) -> None:
        super().__init__(size)
        self.spoiled = spoiled

    def __getitem__(self, index: int) -> Record:
        record = super().__getitem__(index)
        return replace(record, image=record.image[:-100]) if index in self.spoiled else record


def test_the_next_image_of_the_epoch_takes_the_place_of_one_that_is_skipped():
    expected = order(train(NumberedDataset(8), steps=4))
    batches = source(Spoiled(8, {2, 5}), on_bad_image="skip")
    found = order([arrays(batch) for batch in batches.batches(0, 4)])
    for epoch in (slice(0, 8), slice(8, 16)):
        kept = [number for number in expected[epoch] if number not in {2, 5}]
        assert [number for number, meant in zip(found[epoch], expected[epoch], strict=True) if meant not in {2, 5}] == kept
        assert set(found[epoch]) == set(kept)
    assert len(batches.notes) == 1
    assert batches.notes[0].startswith("images that cannot be decoded, skipped: 2: ")
    assert "record 2" in batches.notes[0]
    assert "record 5" in batches.notes[0]


def test_skipping_does_not_depend_on_what_was_read_before():
    whole = train(Spoiled(8, {2, 5}), steps=6, on_bad_image="skip")
    for number, batch in enumerate(whole):
        assert_equal(arrays(source(Spoiled(8, {2, 5}), on_bad_image="skip").batch(number)), batch)


def test_images_that_cannot_be_decoded_stop_training_unless_skipped():
    with pytest.raises(ImageError, match=r"record [25]: cannot be read"):
        train(Spoiled(8, {2, 5}))


def test_a_dataset_without_any_image_that_can_be_decoded():
    with pytest.raises(DatasetError, match="3 images in a row cannot be decoded; images that cannot be decoded, skipped: 3"):
        train(Spoiled(3, {0, 1, 2}), on_bad_image="skip")


def test_a_skipped_image_is_left_out_of_evaluation():
    notes = RecordNotes(6)
    batches = evaluate(Spoiled(6, {2}), on_bad_image="skip", notes=notes)
    assert order(batches) == [0, 1, -1, 3, 4, 5, -1, -1]
    assert not batches[0].images[2].any()
    assert not batches[0].labels[2].any()
    assert notes.sentences()[0].startswith("images that cannot be decoded, skipped: 1: record 2")


# The same bytes, however a batch is made

STEPS_PER_EPOCH, EPOCH, STEP = 150, 3, 137
NUMBER = EPOCH * STEPS_PER_EPOCH + STEP
PRINTING = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_generator import NUMBER, digest, photos, photo_batches
for batch in photo_batches(photos(Path(sys.argv[2]))).batches(NUMBER - 20, NUMBER + 1):
    pass
print(digest(batch))
"""
READING_AHEAD = """
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.data.batches.generator import TrainingBatches
source = TrainingBatches(SyntheticDataset(500, seed=0), batch_size=8, image_size=300, seed=0)
batches = source.batches(0, 1000)
next(batches)
raise RuntimeError("nobody catches this")
"""


def photos(folder: Path) -> CocoDataset:
    """JPEG files of several sizes: 0 has no labels, 1 has 20 boxes, 2 has a crowd and a box, the others have one each."""
    return CocoDataset(folder / "train.json", folder)


def photo_batches(dataset: CocoDataset, **options) -> TrainingBatches:
    return TrainingBatches(dataset, batch_size=8, image_size=48, seed=2, **options)


@pytest.fixture(scope="module")
def photo_folder(tmp_path_factory) -> Path:
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    images, annotations = [], []
    for number in range(7):
        width, height = 60 + 30 * number, 130 - 10 * number
        noise = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
        noise.resize((width, height), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")
        images.append({"id": number, "file_name": f"{number}.jpg", "width": width, "height": height})
        for row in range({0: 0, 1: 20, 2: 2}.get(number, 1)):
            bbox = [width * row / 25, height / 4, width / 5, height / 2]
            crowd = int(number == 2 and row == 0)
            annotation = {"id": len(annotations), "image_id": number, "category_id": 1 + row % 2, "bbox": bbox, "iscrowd": crowd}
            annotations.append(annotation)
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    (folder / "train.json").write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return folder


@pytest.fixture(scope="module")
def alone(photo_folder) -> Batch:
    return arrays(photo_batches(photos(photo_folder)).batch(NUMBER))


def digest(batch: Batch) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(column).tobytes() for column in batch)).hexdigest()


def together(parts: list[Batch]) -> Batch:
    """Shares side by side, padded to the rows of the longest."""
    rows = max(part.labels.shape[1] for part in parts)

    def padded(column: np.ndarray) -> np.ndarray:
        return np.pad(column, [(0, 0), (0, rows - column.shape[1])] + [(0, 0)] * (column.ndim - 2))

    padded_parts = [part._replace(**{name: padded(getattr(part, name)) for name in Batch._fields[1:5]}) for part in parts]
    return Batch(*(np.concatenate(columns) for columns in zip(*padded_parts, strict=True)))


def test_a_batch_in_the_middle_holds_every_kind_of_image(alone):
    assert {0, 1, 2} <= set(alone.index)
    assert alone.labels.shape == (8, 32)


def test_bytes_in_sequence(photo_folder, alone):
    *_, last = photo_batches(photos(photo_folder)).batches(NUMBER - 60, NUMBER + 1)
    assert digest(arrays(last)) == digest(alone)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_bytes_in_shares(photo_folder, alone, workers):
    dataset = photos(photo_folder)
    shares = [photo_batches(dataset, worker=worker, workers=workers).batch(NUMBER) for worker in range(workers)]
    assert digest(together([arrays(share) for share in shares])) == digest(alone)


def test_bytes_through_keras(photo_folder, alone):
    batches = photo_batches(photos(photo_folder))
    items = TrainingSequence(batches, steps_per_epoch=STEPS_PER_EPOCH, max_boxes=alone.labels.shape[1], first_epoch=EPOCH)
    images, truth = items[STEP]
    assert digest(alone._replace(images=images, **truth)) == digest(alone)


@pytest.fixture(scope="module")
def other_process(photo_folder):
    """A process that prints the digest of a batch, and then fails with an iterator of others open."""
    arguments = [sys.executable, "-c", PRINTING + READING_AHEAD, str(Path(__file__).parent), str(photo_folder)]
    cwd = Path(__file__).parents[3]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=300, cwd=cwd)


def test_bytes_in_another_process(other_process, alone):
    assert other_process.stdout.strip() == digest(alone)


def test_a_process_that_fails_while_batches_are_read_ahead_ends(other_process):
    assert other_process.returncode == 1
    assert "nobody catches this" in other_process.stderr


def test_bytes_of_another_batch_or_seed_differ(photo_folder, alone):
    assert digest(arrays(photo_batches(photos(photo_folder)).batch(NUMBER + 7))) != digest(alone)
