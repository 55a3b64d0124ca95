import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.config import AugmentConfig
from tf_ssd.data.augment.windows import centers_inside, draw_canvas, draw_crop, draw_trials, fractions, relative_to, whole

CONFIG = AugmentConfig()
SIZE = (640, 480)
DRAWS = 1500
LOWEST_IOUS = (0.1, 0.3, 0.5, 0.7, 0.9, 0)  # the published samplers
seeds = st.integers(0, 2**31 - 1)


def assert_share(events: np.ndarray, probability: float) -> None:
    """Within 4 standard deviations of a binomial distribution; the draws are fixed, so this cannot fail by chance later on."""
    deviation = np.sqrt(probability * (1 - probability) / events.size)
    assert abs(np.mean(events) - probability) < 4 * deviation


def assert_uniform(values: np.ndarray, low: float, high: float, *, resolution: float = 0.01) -> None:
    assert low - resolution <= values.min() < low + resolution * (high - low)
    assert high - resolution * (high - low) < values.max() <= high + resolution
    for part in (0.25, 0.5, 0.75):
        assert_share(values < low + part * (high - low), part)


def drawn(draw, count: int = DRAWS) -> np.ndarray:
    """`draw(key)` for the keys (0, 3), (1, 3), ..."""

    @tf.function(autograph=False)
    def each(numbers):
        return tf.map_fn(lambda number: draw(tf.stack([number, 3])), numbers, fn_output_signature=tf.int32)

    return each(tf.range(count)).numpy()


# Arithmetic


def test_windows_as_fractions_and_boxes_relative_to_them():
    window = fractions(tf.constant([160, -120, 800, 360]), tf.constant(SIZE))
    np.testing.assert_array_equal(window, [0.25, -0.25, 1.25, 0.75])
    np.testing.assert_array_equal(relative_to(tf.constant([[0.5, 0, 1, 0.5]]), window), [[0.25, 0.25, 0.75, 0.75]])


@given(seeds)
def test_the_whole_image_leaves_every_bit_of_a_box(seed):
    size = np.random.default_rng(seed).integers(1, 5000, 2)
    boxes = np.random.default_rng(seed).random((20, 4), np.float32)
    window = fractions(whole(tf.constant(size, tf.int32)), tf.constant(size))
    np.testing.assert_array_equal(window, [0, 0, 1, 1])
    np.testing.assert_array_equal(relative_to(boxes, window), boxes)


def test_a_center_on_the_edge_is_inside():
    boxes = tf.constant([[0.0, 0, 0.5, 0.5], [0.25, 0, 1.25, 1], [0.5, 0.5, 1.5, 2.5], [0.26, 0.26, 0.26, 0.26]])
    window = tf.constant([0.25, 0.25, 1, 1])
    assert centers_inside(boxes, window).numpy().tolist() == [True, True, False, True]
    several = tf.constant([[0.25, 0.25, 1, 1], [0.35, 0.25, 1, 1], [0.25, 0.25, 0.5, 1]])
    assert centers_inside(boxes, several[:, None]).numpy()[:, 0].tolist() == [
        [True, True, False, True],
        [False, True, False, False],
        [True, False, False, True],
    ]


def test_each_edge_is_inside_and_nothing_beyond_it():
    window, beyond = tf.constant([0.25, 0.25, 0.75, 0.75]), 2**-20
    for axis in (0, 1):
        for edge, outwards in ((0.25, -beyond), (0.75, beyond)):
            centers = np.full((2, 2), 0.5, np.float32)
            centers[:, axis] = edge, edge + outwards
            assert centers_inside(tf.tile(centers, [1, 2]), window).numpy().tolist() == [True, False]


# The canvas


@pytest.fixture(scope="module")
def canvases() -> np.ndarray:
    return drawn(lambda key: draw_canvas(tf.constant(SIZE), key, config=CONFIG))


def test_half_of_the_canvases_are_larger_by_a_ratio_of_1_to_4(canvases):
    ratios = (canvases[:, 2:] - canvases[:, :2]) / SIZE  # (N, 2)
    np.testing.assert_allclose(ratios[:, 0], ratios[:, 1], atol=1 / 480)
    larger = (canvases != (0, 0, *SIZE)).any(axis=1)
    assert_share(larger, 0.5)
    assert_uniform(ratios[larger, 0], 1, 4)


def test_the_image_lies_anywhere_on_the_canvas(canvases):
    larger = canvases[(canvases != (0, 0, *SIZE)).any(axis=1)]
    before, after = -larger[:, :2], larger[:, 2:] - SIZE
    assert before.min() >= 0
    assert after.min() >= 0
    room = before + after > 20  # a position in a handful of pixels is coarse
    place = (before + 0.5) / (before + after + 1)
    for axis in (0, 1):
        assert_uniform(place[room[:, axis], axis], 0, 1, resolution=0.03)
    assert abs(np.corrcoef(place[room.all(axis=1)].T)[0, 1]) < 0.15


@given(seeds, st.integers(1, 30), st.integers(1, 30))
def test_a_canvas_contains_the_image_whatever_its_size(seed, width, height):
    left, top, right, bottom = draw_canvas(
        tf.constant([width, height]), [seed, 0], config=AugmentConfig(expand_probability=1)
    ).numpy()
    assert max(left, top) <= 0
    assert width <= right <= left + 4 * width
    assert height <= bottom <= top + 4 * height


# The windows that are tried


@pytest.fixture(scope="module")
def trials() -> np.ndarray:
    """(N, 4) windows in an image of 100 000 x 50 000 pixels, in which rounding to whole pixels does not show."""
    return drawn(lambda key: draw_trials(tf.constant([100_000, 50_000]), key, config=CONFIG), 20).reshape(-1, 4)


def test_fifty_windows_for_each_of_six_samplers(trials):
    assert trials.shape == (20 * 6 * 50, 4)
    assert len(np.unique(trials, axis=0)) == len(trials)


def test_scale_is_the_root_of_the_area_from_03_to_1_and_aspect_is_relative_to_the_image(trials):
    width, height = ((trials[:, 2:] - trials[:, :2]) / (100_000, 50_000)).T
    scale, aspect = np.sqrt(width * height), width / height
    assert_uniform(scale, 0.3, 1)
    free = scale < 0.7  # below sqrt(1/2) no aspect in 1/2..2 makes a side longer than the image's
    assert_uniform(aspect[free], 0.5, 2)
    assert (aspect >= 0.4999).all()
    assert (aspect <= 2.0001).all()
    assert (aspect >= scale**2 - 1e-3).all()
    assert (aspect <= 1 / scale**2 + 1e-3).all()
    assert_share(np.isclose(width, 1, atol=1e-4) | np.isclose(height, 1, atol=1e-4), expected_share_of_full_sides())


def expected_share_of_full_sides() -> float:
    """Where aspect > 1 / scale^2 the width is full, where aspect < scale^2 the height is; integrated on a fine grid."""
    scale, aspect = np.meshgrid(np.linspace(0.3, 1, 2001), np.linspace(0.5, 2, 2001))
    return float(np.mean((aspect > 1 / scale**2) | (aspect < scale**2)))


def test_windows_lie_anywhere_in_the_image(trials):
    assert trials[:, :2].min() >= 0
    assert (trials[:, 2:] <= (100_000, 50_000)).all()
    room = (100_000, 50_000) - (trials[:, 2:] - trials[:, :2])
    for axis in (0, 1):
        roomy = room[:, axis] > 500
        assert_uniform(trials[roomy, axis] / room[roomy, axis], 0, 1)


@given(seeds, st.integers(1, 5), st.integers(1, 5))
def test_windows_of_tiny_images_are_inside_and_not_empty(seed, width, height):
    windows = draw_trials(tf.constant([width, height]), [seed, 0], config=CONFIG).numpy()
    assert windows.shape == (6, 50, 4)
    assert windows.min() >= 0
    assert (windows[..., 2:] > windows[..., :2]).all()
    assert (windows[..., 2:] <= (width, height)).all()


# The window that is taken


def offers_one_by_one(boxes: np.ndarray, size: tuple[int, int], key: tf.Tensor) -> list[list[int]]:
    """The windows that the samplers offer, trial by trial and box by box, in float64."""
    windows = draw_trials(tf.constant(size), tf.random.split(key)[0], config=CONFIG).numpy()
    offers = []
    for lowest, trials_px in zip(LOWEST_IOUS, windows, strict=True):
        for trial_px in trials_px:
            ious, inside = [], []
            for box in boxes.astype(np.float64) * (*size, *size):
                sides = np.minimum(box[2:], trial_px[2:]) - np.maximum(box[:2], trial_px[:2])
                shared = np.prod(np.maximum(sides, 0))
                ious.append(shared / (np.prod(box[2:] - box[:2]) + np.prod(trial_px[2:] - trial_px[:2]) - shared))
                center = (box[:2] + box[2:]) / 2
                inside.append((trial_px[:2] <= center).all() and (center <= trial_px[2:]).all())
            if max(ious) >= lowest and any(inside):
                offers.append(trial_px.tolist())
                break
    return offers


@given(seeds, st.integers(1, 4))
def test_one_of_the_offers_or_the_whole_image_is_taken(seed, count):
    """Boxes on a grid of 1/64 in an image whose sides are powers of 2 have overlaps that are exact but for the last quotient."""
    rng, size, key = np.random.default_rng(seed), (512, 256), [seed, 1]
    corner = rng.integers(0, 60, (count, 2))
    boxes = np.float32(np.concatenate([corner, rng.integers(corner + 1, 65)], axis=1) / 64)
    candidates = [[0, 0, *size], *offers_one_by_one(boxes, size, key)]
    expected = candidates[int(tf.random.stateless_uniform((), tf.random.split(key)[1]) * len(candidates))]
    assert draw_crop(boxes, tf.constant(size), key, config=CONFIG).numpy().tolist() == expected


@pytest.mark.parametrize(
    ("box", "samplers"),
    [
        pytest.param([0.45, 0.45, 0.47, 0.47], 1, id="a tiny box never has an IoU of 0.1"),
        pytest.param([0.2, 0.2, 0.8, 0.8], 6, id="all six samplers find a window, the one for 0.9 not always"),
        pytest.param([0, 0, 1, 1], 6, id="a box that fills the image"),
    ],
)
def test_the_whole_image_and_the_samplers_have_equal_shares(box, samplers):
    boxes = tf.constant([box], tf.float32)
    windows = drawn(lambda key: draw_crop(boxes, tf.constant(SIZE), key, config=CONFIG), 600)
    counts = [len(offers_one_by_one(boxes.numpy(), SIZE, [number, 3])) for number in range(40)]
    assert max(counts) == samplers
    assert_share((windows == (0, 0, *SIZE)).all(axis=1), float(np.mean([1 / (1 + count) for count in counts])))


def test_an_image_without_boxes_stays_whole():
    windows = drawn(lambda key: draw_crop(tf.zeros((0, 4)), tf.constant(SIZE), key, config=CONFIG), 100)
    assert (windows == (0, 0, *SIZE)).all()


def test_where_no_window_will_do_the_image_stays_whole():
    """One small window for each sampler; the only box is as small, in a corner, so that most windows miss its centre."""
    config = AugmentConfig(crop_scale=(0.3, 0.3), crop_aspect=(1, 1), crop_trials=1, crop_min_ious=())
    boxes = tf.constant([[0, 0, 0.2, 0.2]])
    windows = drawn(lambda key: draw_crop(boxes, tf.constant(SIZE), key, config=config), 300)
    stays = (windows == (0, 0, *SIZE)).all(axis=1)
    assert 0.9 < stays.mean() < 1
    assert (windows[~stays, :2] <= (64, 48)).all()
    assert (windows[~stays, 2:] - windows[~stays, :2] == (192, 144)).all()


def test_an_iou_equal_to_the_least_is_enough():
    """Every window is a quarter of the image, which the box fills: all nineteen samplers offer theirs, and so does the last."""
    config = AugmentConfig(crop_scale=(0.5, 0.5), crop_aspect=(1, 1), crop_trials=1, crop_min_ious=(0.25,) * 19)
    windows = drawn(lambda key: draw_crop(tf.constant([[0.0, 0, 1, 1]]), tf.constant(SIZE), key, config=config), 300)
    assert_share((windows == (0, 0, *SIZE)).all(axis=1), 1 / 21)


def test_a_crop_scale_of_1_keeps_the_image_whole():
    config = AugmentConfig(crop_scale=(1, 1))
    windows = drawn(lambda key: draw_crop(tf.constant([[0.1, 0.1, 0.9, 0.9]]), tf.constant(SIZE), key, config=config), 50)
    assert (windows == (0, 0, *SIZE)).all()
