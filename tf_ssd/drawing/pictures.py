"""Pictures of detections and ground truth, with Pillow."""

import colorsys
from collections.abc import Sequence
from io import BytesIO
from itertools import product

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

# xmin, ymin, xmax, ymax in pixels of the picture; the last pixel belongs to the box, as Pillow has it.
Box = tuple[int, int, int, int]

LARGE_SIDE = 1000  # in pixels; smaller images are drawn at twice their size, so that labels are readable
CROWD = 8  # more boxes than this are a crowd
LINES_OF_TEXT, LINES_IN_A_CROWD = 38, 52  # that fit along the longer side of a picture
TEXT_ON_A_BOX = 1 / 5  # height of the text in a crowd, of the longer side of the median box at most
SMALLEST_TEXT = 12
GRID_GAP = 12
WHITE, DARK = "#ffffff", "#202020"
COLORS = ("#e6194b", "#0096c7", "#ffb703", "#2dc653", "#9d4edd", "#f3722c", "#06d6a0", "#ff5fa2", "#4361ee", "#c0ca33")
GOLDEN_RATIO = 0.618034


def draw_detections(
    image: np.ndarray,
    boxes_px: np.ndarray,
    labels: np.ndarray,
    scores: np.ndarray | None,
    class_names: Sequence[str],
    *,
    gt_boxes_px: np.ndarray | None = None,
    gt_labels: np.ndarray | None = None,
    enlarge: bool = True,
) -> Image.Image:
    """Draw detections in the colour of their class, and ground truth as thin dashed white boxes.

    Args:
        image: (H, W, 3) uint8 RGB.
        boxes_px: (D, 4) xyxy, in pixels of the image.
        labels: (D,) 1..C-1; rows with label 0 are padding.
        scores: (D,), written beside the class; None for boxes without score.
        class_names: the classes without background.
        gt_boxes_px: (G, 4) xyxy, in pixels of the image.
        gt_labels: (G,); rows with label 0 are padding. None draws every row, without the names of the classes.
        enlarge: draw at twice the size if that is smaller than 1000 px, so that labels are readable.
    """
    ranks = np.zeros(len(labels)) if scores is None else scores
    best_first = [row for row in np.argsort(-ranks, kind="stable") if labels[row] > 0]
    gt_boxes_px = np.zeros((0, 4)) if gt_boxes_px is None else gt_boxes_px
    truth = range(len(gt_boxes_px)) if gt_labels is None else np.flatnonzero(gt_labels)
    canvas = _Canvas(Image.fromarray(image), enlarge=enlarge)
    if max(len(best_first), len(truth)) > CROWD:
        canvas.write_smaller(boxes_px[best_first] if best_first else gt_boxes_px[truth])
    for row in reversed(best_first):  # so that the best lies on top
        canvas.draw_box(boxes_px[row], class_color(labels[row]))
    for row in truth:
        canvas.draw_dashed_box(gt_boxes_px[row])
    for row in best_first:
        score = "" if scores is None else f" {scores[row]:.2f}"
        canvas.write(boxes_px[row], class_names[labels[row] - 1] + score, class_color(labels[row]))
    if gt_labels is not None:
        for row in truth:
            canvas.write(gt_boxes_px[row], class_names[gt_labels[row] - 1])
    return canvas.picture


def class_color(label: int) -> str:
    """The colour of a class, "#rrggbb", the same in every picture: ten chosen ones, then hues that never repeat."""
    if label <= len(COLORS):
        return COLORS[label - 1]
    red, green, blue = colorsys.hsv_to_rgb(label * GOLDEN_RATIO % 1, 0.75, 0.9)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def grid(images: Sequence[Image.Image], columns: int) -> Image.Image:
    """Pictures side by side on white, `columns` in a row; each is centred in a cell as large as the largest picture.

    Raises:
        ValueError: there are no images, or `columns` is not positive.
    """
    if not images or columns < 1:
        raise ValueError(f"a grid needs images and columns, not {len(images)} and {columns}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    width, height = (max(image.size[axis] for image in images) for axis in (0, 1))
    step_x, step_y = width + GRID_GAP, height + GRID_GAP
    sheet = Image.new("RGB", (columns * step_x + GRID_GAP, rows * step_y + GRID_GAP), WHITE)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        left, top = GRID_GAP + column * step_x, GRID_GAP + row * step_y
        sheet.paste(image, (left + (width - image.width) // 2, top + (height - image.height) // 2))
    return sheet


def png_bytes(image: Image.Image) -> bytes:
    """A picture, encoded as PNG."""
    encoded = BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


class _Canvas:
    """A picture being drawn on, and the places its labels take.

    Boxes (4,) are xyxy in pixels of the picture as it is given; it may be drawn at twice its size.
    """

    def __init__(self, picture: Image.Image, *, enlarge: bool) -> None:
        self._scale = 2 if enlarge and max(picture.size) < LARGE_SIDE else 1
        size = (picture.width * self._scale, picture.height * self._scale)
        self.picture = picture = picture.resize(size, Image.Resampling.BICUBIC)
        self._draw = ImageDraw.Draw(picture)
        self._set_text_size(max(picture.size) / LINES_OF_TEXT)
        self._taken: list[Box] = []

    def write_smaller(self, boxes_px: np.ndarray) -> None:
        """Write and draw as befits a crowd of boxes (N, 4): where they are small, labels would hide the picture."""
        sides = np.max(boxes_px[:, 2:] - boxes_px[:, :2], axis=-1) * self._scale
        self._set_text_size(min(max(self.picture.size) / LINES_IN_A_CROWD, np.median(sides) * TEXT_ON_A_BOX))

    def _set_text_size(self, size: float) -> None:
        whole = max(SMALLEST_TEXT, int(size))
        self._font = ImageFont.load_default(whole)
        self._line = max(2, whole // 6)

    def draw_box(self, box_px: np.ndarray, color: str) -> None:
        """A solid frame."""
        self._draw.rectangle(self._place(box_px), outline=color, width=self._line)

    def draw_dashed_box(self, box_px: np.ndarray) -> None:
        """A thin frame of white dashes, with dark between them to be seen on white too."""
        xmin, ymin, xmax, ymax = self._place(box_px)
        width = max(1, self._line // 2)
        self._draw.rectangle((xmin, ymin, xmax, ymax), outline=DARK, width=width)
        dash = 3 * self._line
        for x in range(xmin, xmax + 1, 2 * dash):
            for y in (ymin, max(ymin, ymax - width + 1)):
                self._draw.rectangle((x, y, min(x + dash, xmax), y + width - 1), fill=WHITE)
        for y in range(ymin, ymax + 1, 2 * dash):
            for x in (xmin, max(xmin, xmax - width + 1)):
                self._draw.rectangle((x, y, x + width - 1, min(y + dash, ymax)), fill=WHITE)

    def write(self, box_px: np.ndarray, text: str, color: str | None = None) -> None:
        """`text` beside or in the box, where it hides least; on a plate of `color`, or else outlined."""
        margin = self._line
        text_height = round(self._font.getbbox("Ág")[3])  # of any text, so that plates are alike
        size = (round(self._font.getlength(text)) + 2 * margin, text_height + 2 * margin)
        plate = place_label(self._place(box_px), size, self.picture.size, self._taken)
        self._taken.append(plate)
        position = (plate[0] + margin, plate[1] + margin)
        if color is None:
            self._draw.text(position, text, WHITE, self._font, stroke_width=margin // 2, stroke_fill=DARK)
        else:
            self._draw.rectangle(plate, fill=color)
            self._draw.text(position, text, readable_on(color), self._font)

    def _place(self, box_px: np.ndarray) -> Box:
        width, height = self.picture.size
        corners = np.clip(box_px * self._scale, 0, (width, height, width, height))
        xmin, ymin, xmax, ymax = (int(value) for value in np.round(corners))
        return min(xmin, width - 1), min(ymin, height - 1), max(xmin, xmax - 1), max(ymin, ymax - 1)


def place_label(box: Box, size: tuple[int, int], picture_size: tuple[int, int], taken: Sequence[Box]) -> Box:
    """Where a label of `size` (width, height) goes: inside the picture, and where it hides the fewest others.

    At the left side of the box rather than the right; above it, else below, else inside at the top, then at the bottom.
    """
    width, height = size
    xmin, ymin, xmax, ymax = box
    tops = (ymin - height, ymax + 1, ymin, ymax - height + 1)
    places = []
    for left, top in product((xmin, xmax - width + 1), tops):
        x = max(0, min(left, picture_size[0] - width))
        y = max(0, min(top, picture_size[1] - height))
        places.append((x, y, x + width - 1, y + height - 1))
    hidden = _shared_areas(np.array(places), np.reshape(taken, (-1, 4))).sum(axis=1)
    return places[hidden.argmin()]


def _shared_areas(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pixels that each of (N, 4) and each of (M, 4) have in common: (N, M). The last row and column of a box belong to it."""
    a = a[:, None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]) + 1  # (N, M, 2)
    return np.maximum(sides, 0).prod(axis=-1)


def readable_on(color: str) -> str:
    """Dark or white, whichever is read more easily on "#rrggbb"."""
    red, green, blue = ImageColor.getrgb(color)[:3]
    return DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE
