from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageColor

from tf_ssd.drawing.pictures import class_color, draw_detections, grid, place_label, png_bytes, readable_on

NAMES = ("circle", "square", "triangle")
GREY = np.full((300, 300, 3), 128, np.uint8)
BOX = np.array([[75.0, 150, 225, 270]])  # in the picture of 600 px: 150 300 449 539


def draw(image=GREY, boxes=BOX, labels=(1,), scores=(0.5,), **options) -> np.ndarray:
    scores = None if scores is None else np.array(scores)
    return np.asarray(draw_detections(image, boxes, np.array(labels), scores, NAMES, **options))


def is_color(pixels: np.ndarray, color: str) -> np.ndarray:
    return np.all(pixels == ImageColor.getrgb(color), axis=-1)


def extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    """xmin, ymin, xmax, ymax of what is set, in pixels that belong to it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def test_small_images_are_doubled_and_large_ones_left():
    assert draw().shape == (600, 600, 3)
    assert draw(np.zeros((640, 480, 3), np.uint8)).shape == (1280, 960, 3)
    assert draw(np.zeros((500, 1000, 3), np.uint8)).shape == (500, 1000, 3)


def test_boxes_are_in_pixels_of_the_image_whether_or_not_it_is_enlarged():
    large = np.full((400, 1000, 3), 128, np.uint8)
    for image, options, scale in ((GREY, {}, 2), (GREY, {"enlarge": False}, 1), (large, {}, 1)):
        frame = is_color(draw(image, np.array([[40.0, 200, 280, 290]]), **options), class_color(1))
        xmin, _, xmax, ymax = extent(frame)
        assert (xmin, xmax, ymax) == (40 * scale, 280 * scale - 1, 290 * scale - 1)


def test_a_frame_of_a_video_keeps_its_size():
    pixels = draw(np.full((48, 64, 3), 128, np.uint8), enlarge=False)
    assert pixels.shape == (48, 64, 3)
    assert is_color(pixels, class_color(1)).any()


def test_text_is_readable_on_any_colour():
    assert readable_on("#ffffff") == readable_on("#ffb703") == "#202020"
    assert readable_on("#000000") == readable_on("#4361ee") == "#ffffff"


def test_an_image_without_boxes_is_only_enlarged():
    pixels = draw(boxes=np.zeros((0, 4)), labels=(), scores=())
    np.testing.assert_array_equal(pixels, 128)


def test_the_image_itself_is_not_drawn_on():
    image = np.full((1000, 1000, 3), 128, np.uint8)
    draw(image)
    assert np.all(image == 128)


@pytest.mark.parametrize("label", [1, 2, 3])
def test_a_frame_in_the_colour_of_its_class_surrounds_the_box(label):
    frame = is_color(draw(labels=(label,)), class_color(label))
    xmin, ymin, xmax, ymax = extent(frame)
    assert (xmin, xmax, ymax) == (150, 449, 539)
    assert frame[420, 150]
    assert frame[420, 449]
    assert frame[539, 300]
    assert not frame[420, 300], "the inside stays visible"
    assert ymin < 300, "the label stands above"


def test_a_label_is_written_on_its_plate_and_with_its_score():
    plates = [draw(labels=(2,), scores=scores)[:300] for scores in ((0.5,), (0.97,), None)]
    assert not np.array_equal(plates[0], plates[1])
    widths = [extent(is_color(plate, class_color(2)))[2] for plate in plates]
    assert widths[2] < widths[0]
    assert is_color(plates[0], "#ffffff").sum() > 50, "white text on blue"


def test_classes_have_names_of_their_own():
    white = [is_color(draw(labels=(label,), scores=None), "#ffffff").sum() for label in (1, 2)]
    assert white[0] != white[1]


def test_padding_rows_are_left_out():
    boxes = np.vstack([BOX, np.zeros((2, 4)), [[0, 0, 150, 150]]])
    padded = draw(boxes=boxes, labels=(1, 0, 0, 0), scores=(0.5, 0, 0, 0.9), gt_boxes_px=boxes, gt_labels=np.array([2, 0, 0, 0]))
    np.testing.assert_array_equal(padded, draw(gt_boxes_px=BOX, gt_labels=np.array([2])))


def test_the_best_score_lies_on_top():
    boxes = np.vstack([BOX, BOX])
    for scores, top in (((0.9, 0.8), 1), ((0.8, 0.9), 2)):
        pixels = draw(boxes=boxes, labels=(1, 2), scores=scores)
        assert is_color(pixels, class_color(top))[420, 150]


@pytest.mark.parametrize("brightness", [0, 128, 255])
def test_ground_truth_is_a_thin_dashed_box_visible_on_any_image(brightness):
    image = np.full((300, 300, 3), brightness, np.uint8)
    pixels = draw(image, np.zeros((0, 4)), (), (), gt_boxes_px=BOX)
    for side in (pixels[300, 150:450], pixels[539, 150:450], pixels[300:540, 150], pixels[300:540, 449]):
        white, dark = is_color(side, "#ffffff"), is_color(side, "#202020")
        assert np.all(white | dark)
        assert 0.3 < white.mean() < 0.7
        assert np.sum(np.diff(white.astype(int)) == 1) >= 5, "dashes"
    changed = np.any(pixels != brightness, axis=-1)
    assert extent(changed) == (150, 300, 449, 539)
    assert not changed[303:536, 153:446].any(), "thin, and without a plate"


def test_ground_truth_over_a_detection_leaves_both_visible():
    pixels = draw(gt_boxes_px=BOX)[310:530, 150:156]
    assert is_color(pixels, "#ffffff").any(axis=1).mean() > 0.3
    assert is_color(pixels, class_color(1)).any(axis=1).all()


def test_ground_truth_is_named_when_labels_are_given():
    without, named = draw(gt_boxes_px=BOX), draw(gt_boxes_px=BOX, gt_labels=np.array([2]))
    assert extent(np.any(without != named, axis=-1))[1] > 539, "below, as the detection's label is above"


def test_boxes_beyond_the_image_and_without_area_are_drawn_inside():
    boxes = np.array([[-150, -150, 450, 450], [150, 150, 150, 150], [300, 300, 300, 300], [0, 0, 0, 0]])
    pixels = draw(boxes=boxes, labels=(1, 2, 3, 1), scores=(0.9, 0.8, 0.7, 0.6))
    assert is_color(pixels, class_color(2))[300, 300]
    assert is_color(draw(boxes=boxes[:0], labels=(), scores=(), gt_boxes_px=boxes), "#ffffff")[300, 300]


def test_a_crowd_gets_smaller_text():
    boxes = np.repeat(BOX, 9, axis=0)
    plates = []
    for count in (8, 9):
        pixels = draw(boxes=boxes[:count], labels=[1] + [2] * (count - 1), scores=np.linspace(1, 0.5, count))
        plates.append(is_color(pixels[:300], class_color(1)).sum())
    assert plates[1] < plates[0] * 0.7


def test_text_in_a_crowd_of_small_boxes_fits_them():
    """In a picture of 2000 px, where it would be 38 px high for boxes of 80."""
    image = np.full((1000, 2000, 3), 128, np.uint8)
    boxes = np.array([[200.0 * number, 500, 200 * number + 80, 560] for number in range(10)])
    heights = []
    for count in (8, 10):
        plates = is_color(draw(image, boxes[:count], [1] * count, [0.5] * count, enlarge=False), class_color(1))[:490]
        _, top, _, bottom = extent(plates[:, 200:400])
        heights.append(bottom - top)
    assert heights[0] > 50
    assert heights[1] < 30


# Labels


def test_a_label_stands_above_its_box():
    assert place_label((50, 60, 90, 99), (30, 10), (200, 200), []) == (50, 50, 79, 59)


def test_a_label_finds_another_place_when_that_is_taken():
    taken = [(50, 50, 79, 59)]
    for expected in [(50, 100, 79, 109), (50, 60, 79, 69), (50, 90, 79, 99)]:  # below; inside at the top, at the bottom
        assert place_label((50, 60, 90, 99), (30, 10), (200, 200), taken) == expected
        taken.append(expected)


def test_labels_stay_inside_the_picture():
    random = np.random.default_rng(0)
    for _ in range(300):
        x, y = np.sort(random.integers(0, 200, 2)), np.sort(random.integers(0, 100, 2))
        xmin, ymin, xmax, ymax = place_label((x[0], y[0], x[1], y[1]), (70, 12), (200, 100), [])
        assert 0 <= xmin <= xmax < 200
        assert 0 <= ymin <= ymax < 100
        assert (xmax - xmin + 1, ymax - ymin + 1) == (70, 12)


# Colours


def test_colours_of_classes_are_stable_and_differ():
    colors = [class_color(label) for label in range(1, 91)]
    assert colors == [class_color(label) for label in range(1, 91)]
    assert len(set(colors)) == 90
    assert class_color(1) == "#e6194b"
    assert class_color(np.int32(11)) == class_color(11)


# Sheets and files


def test_a_grid_places_pictures_row_by_row():
    colors = ["red", "lime", "blue", "black", "cyan"]
    sheet = np.asarray(grid([Image.new("RGB", (30, 20), color) for color in colors], 3))
    assert sheet.shape == (2 * 32 + 12, 3 * 42 + 12, 3)
    for number, color in enumerate(colors):
        row, column = divmod(number, 3)
        top, left = 12 + 32 * row, 12 + 42 * column
        assert is_color(sheet[top : top + 20, left : left + 30], color).all()
        assert is_color(sheet[top - 1, left : left + 30], "white").all()
    assert is_color(sheet[44:64, 96:126], "white").all(), "the last cell is empty"


def test_a_grid_centres_smaller_pictures():
    sheet = np.asarray(grid([Image.new("RGB", (30, 20)), Image.new("RGB", (10, 40), "red")], 2))
    assert sheet.shape == (40 + 24, 30 + 30 + 36, 3)
    assert extent(is_color(sheet, "red")) == (64, 12, 73, 51)
    assert extent(is_color(sheet, "black")) == (12, 22, 41, 41)


def test_a_grid_is_no_wider_than_its_pictures():
    assert grid([Image.new("RGB", (30, 20))], 4).size == (54, 44)


@pytest.mark.parametrize(("images", "columns"), [([], 3), ([Image.new("RGB", (9, 9))], 0)])
def test_a_grid_needs_images_and_columns(images, columns):
    with pytest.raises(ValueError, match="a grid needs images and columns"):
        grid(images, columns)


def test_a_picture_as_png():
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(png_bytes(Image.fromarray(GREY))))), GREY)
