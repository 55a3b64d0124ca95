import colorsys

import numpy as np
import pytest
from PIL import Image

from tf_ssd.data.images.decode import read_image
from tf_ssd.data.synthetic import Shape, SyntheticDataset, draw_shape, place_shapes
from tf_ssd.errors import ConfigError


@pytest.fixture(scope="module")
def records():
    dataset = SyntheticDataset(300, seed=3)
    return [dataset[index] for index in range(len(dataset))]


def same(a, b) -> bool:
    arrays = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("boxes_px", "labels", "difficult"))
    return arrays and a.image == b.image and a.id == b.id


def test_a_record_depends_on_seed_and_index_only():
    dataset = SyntheticDataset(9, seed=1)
    forwards = [dataset[index] for index in range(9)]
    backwards = [dataset[index] for index in reversed(range(9))][::-1]
    longer = SyntheticDataset(90, seed=1)
    assert all(same(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert all(same(record, longer[index]) for index, record in enumerate(forwards))
    assert len({record.image for record in forwards}) == 9
    other_seed = SyntheticDataset(9, seed=2)
    assert not {record.image for record in forwards} & {other_seed[index].image for index in range(9)}


def test_types_and_shapes(records):
    for record in records[:20]:
        rows = len(record.labels)
        assert record.boxes_px.shape == (rows, 4)
        assert record.boxes_px.dtype == np.float64
        np.testing.assert_array_equal(record.boxes_px, record.boxes_px.round())
        assert record.labels.dtype == np.int32
        assert record.difficult.dtype == bool
        assert not record.difficult.any()
        assert not record.crowd.any()
        assert record.crowd.shape == (rows,)
        assert record.size == (300, 300)
        assert record.image.startswith(b"BM")
        assert read_image(record).shape == (300, 300, 3)


def test_zero_to_five_shapes_and_one_image_in_ten_without_labels(records):
    counts = np.bincount([len(record.labels) for record in records], minlength=6)
    assert len(counts) == 6
    assert 0.05 < counts[0] / len(records) < 0.16
    assert all(counts[1:] > 30)


def test_all_classes_are_about_equally_frequent(records):
    labels = np.concatenate([record.labels for record in records])
    shares = np.bincount(labels, minlength=4)[1:] / len(labels)
    assert SyntheticDataset(1, seed=0).class_names == ("circle", "square", "triangle")
    np.testing.assert_allclose(shares, 1 / 3, atol=0.06)
    assert labels.min() == 1


def test_sizes_and_aspect_ratios(records):
    boxes = np.concatenate([record.boxes_px for record in records])
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert boxes.min() >= 0
    assert boxes.max() <= 300
    assert min(width.min(), height.min()) >= 40
    assert max(width.max(), height.max()) <= 160
    # Half the sizes of a log-uniform distribution lie below the geometric mean, which is 80 px.
    assert 0.4 < np.mean(np.sqrt(width * height) < 80) < 0.6
    ratios = width / height
    assert 0.74 < ratios.min() < 0.78
    assert 1.28 < ratios.max() < 1.35


def test_shapes_do_not_hide_each_other(records):
    for record in records:
        boxes = record.boxes_px
        for row, earlier in enumerate(boxes):
            covered = 0
            for later in boxes[row + 1 :]:
                sides = np.minimum(earlier[2:], later[2:]) - np.maximum(earlier[:2], later[:2])
                shared = np.prod(np.maximum(sides, 0))
                covered += shared
                union = np.prod(earlier[2:] - earlier[:2]) + np.prod(later[2:] - later[:2]) - shared
                assert shared / union <= 0.3
            assert covered <= 0.5 * np.prod(earlier[2:] - earlier[:2])


def test_some_shapes_overlap(records):
    def overlap(boxes):
        low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
        high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
        return np.any(np.triu(np.all(high > low, axis=-1), k=1))

    assert 0.1 < np.mean([overlap(record.boxes_px) for record in records]) < 0.6


@pytest.mark.parametrize("label", [1, 2, 3])
@pytest.mark.parametrize("box", [(0, 0, 40, 53), (100, 31, 151, 80), (140, 140, 300, 300)])
def test_a_shape_touches_all_sides_of_its_box(label, box):
    image = Image.new("RGB", (300, 300), "#808080")
    before = image.copy()
    draw_shape(image, Shape(label, box, (255, 0, 0)))
    changed = np.any(np.asarray(image) != np.asarray(before), axis=-1)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) == box


@pytest.mark.parametrize(("label", "share"), [(1, np.pi / 4), (2, 1), (3, 1 / 2)])
def test_a_shape_fills_its_share_of_its_box(label, share):
    image = Image.new("RGB", (300, 300))
    draw_shape(image, Shape(label, (50, 60, 170, 190), (255, 255, 255)))
    assert np.asarray(image)[..., 0].mean() / 255 * 300**2 / (120 * 130) == pytest.approx(share, abs=0.01)


def test_single_shapes_stand_out_from_the_background_exactly_in_their_box(records):
    singles = [record for record in records if len(record.labels) == 1]
    assert len(singles) > 20
    for record in singles:
        pixels = read_image(record).astype(int)
        saturated = pixels.max(axis=-1) - pixels.min(axis=-1) > 100
        rows, columns = np.flatnonzero(saturated.any(axis=1)), np.flatnonzero(saturated.any(axis=0))
        found = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        # The apex of a triangle is thinner than a pixel, hence pale.
        np.testing.assert_allclose(found, record.boxes_px[0], atol=2)


def test_backgrounds_are_pale(records):
    empty = [read_image(record).astype(int) for record in records if not len(record.labels)]
    assert max(np.percentile(pixels.max(axis=-1) - pixels.min(axis=-1), 99) for pixels in empty) < 60
    assert np.mean([pixels.std(axis=(0, 1)).mean() for pixels in empty]) > 5  # and not flat


def test_hues_are_far_apart_within_an_image():
    random = np.random.default_rng(0)
    for _ in range(50):
        colors = [np.array(shape.color) / 255 for shape in place_shapes(random, 300)]
        hues = sorted(colorsys.rgb_to_hsv(*color)[0] for color in colors)
        gaps = np.diff([*hues, hues[0] + 1]) if hues else np.ones(1)
        assert gaps.min() > 1 / 5 - 0.01


def test_another_image_size_scales_the_shapes():
    record = next(record for record in map(SyntheticDataset(9, seed=0, image_size=60).__getitem__, range(9)) if len(record.labels))
    assert read_image(record).shape == (60, 60, 3)
    sides = record.boxes_px[:, 2:] - record.boxes_px[:, :2]
    assert sides.min() >= 7.99
    assert sides.max() <= 32.01


@pytest.mark.parametrize("index", [-1, 5])
def test_an_index_outside_is_an_index_error(index):
    with pytest.raises(IndexError, match="of 5"):
        SyntheticDataset(5, seed=0)[index]


@pytest.mark.parametrize("bad", [{"size": 0}, {"seed": -1}, {"image_size": 8}])
def test_settings_out_of_range(bad):
    settings = {"size": 5, "seed": 0, "image_size": 300} | bad
    with pytest.raises(ConfigError, match=f"{next(iter(bad))}="):
        SyntheticDataset(settings.pop("size"), **settings)


def test_nothing_to_note():
    assert SyntheticDataset(1, seed=0).notes == ()
