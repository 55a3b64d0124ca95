"""The explanation of one picture, drawn with matplotlib."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from PIL import Image

from tf_ssd.config import DefaultBoxesConfig, DetectionConfig
from tf_ssd.drawing.figures import DASHES, GREY, INK, new_figure, png
from tf_ssd.drawing.pictures import DARK, WHITE, Box, class_color, place_label, readable_on
from tf_ssd.predict.explain import NONE, Explanation
from tf_ssd.system.words import counted

# In inches: the figure, and the height that text takes above it all, above and below the panels of either row.
WIDTH, TALLEST, GAP = 16.0, 10.0, 0.2
TITLE, HEAD, ROW_HEAD, FOOT = 0.5, 0.6, 0.85, 0.35
TEXT = TITLE + HEAD + ROW_HEAD + FOOT
DOTS_PER_INCH = 100
SHOWN = 900  # pixels of the picture's longer side, for more of which the panels have no room
SCALE = "inferno"
MARGIN = 3  # pixels around a label's text
POINTS_PER_INCH = 72


def explanation_png(
    pixels: np.ndarray,
    explanation: Explanation,
    config: DefaultBoxesConfig,
    class_names: Sequence[str],
    *,
    title: str,
    settings: DetectionConfig,
) -> bytes:
    """A picture, encoded as PNG: default boxes matched to the detections, what suppression removed, scores of each feature map.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        explanation: of this picture.
        config: the default boxes.
        class_names: the classes without background.
        title: what the picture is called.
        settings: which predictions became detections.
    """
    picture = Image.fromarray(pixels)
    picture.thumbnail((SHOWN, SHOWN))
    found = len(explanation.suppression.kept.labels)
    count = f"{counted(found, 'detection')} with a score above {settings.score_threshold:g}"
    with new_figure(WIDTH, TALLEST, dots_per_inch=DOTS_PER_INCH) as figure:
        above, below = _lay_out(figure, picture.height / picture.width, len(config.feature_maps))
        _write_line(figure, f"{title}: {count}", figure.get_figheight() - TITLE / 2, fontsize=15, fontweight="bold")
        for axes, headline in zip(above, (_about_matches(explanation), _about_suppression(explanation, settings)), strict=True):
            _show(axes, np.asarray(picture))
            _head(axes, *headline)
        _draw_matches(above[0], explanation, class_names)
        _draw_suppression(above[1], explanation, class_names)
        _draw_maps(below, np.asarray(picture.convert("L")), explanation.cell_scores, config)
        return png(figure)


def _lay_out(figure: Figure, aspect: float, maps: int) -> tuple[list[Axes], list[Axes]]:
    """Two large panels, and below them one for each feature map and one for the scale; `aspect` is height over width.

    Panels are as wide as they can be, but narrower where the figure would become too tall; the figure is as tall as they need.
    """
    large, small = (WIDTH - 3 * GAP) / 2, (WIDTH - (maps + 5) * GAP) / maps
    scale = min(1, (TALLEST - TEXT) / ((large + small) * aspect))
    height = TEXT + scale * (large + small) * aspect
    figure.set_size_inches(WIDTH, height)

    def panel(left: float, bottom: float, width: float, tall: float) -> Axes:
        return figure.add_axes((left / WIDTH, bottom / height, width / WIDTH, tall / height))

    bottom = FOOT + scale * small * aspect + ROW_HEAD
    above = [panel(GAP + (large + GAP) * column, bottom, scale * large, scale * large * aspect) for column in range(2)]
    below = [panel(GAP + (small + GAP) * column, FOOT, scale * small, scale * small * aspect) for column in range(maps)]
    below.append(panel(WIDTH - 4 * GAP, FOOT, GAP, scale * small * aspect))
    _write_line(figure, "Best score of any class in each cell of the feature maps", bottom - 0.35, fontsize=13)
    return above, below


def _write_line(figure: Figure, text: str, y: float, **style: Any) -> None:
    """A line of text in the middle of which is `y` inches from the bottom."""
    figure.text(GAP / WIDTH, y / figure.get_figheight(), text, va="center", color=INK, **style)


def _show(axes: Axes, shown: np.ndarray, **options: Any) -> None:
    """A picture that fills its panel, whatever else is drawn; positions are fractions of its sides."""
    axes.imshow(shown, extent=(0, 1, 1, 0), aspect="auto", **options)
    axes.set(xticks=(), yticks=())
    axes.spines[:].set_visible(False)
    axes.autoscale(False)


def _head(axes: Axes, headline: str, explained: str) -> None:
    """Two lines above a panel."""
    axes.set_title(headline, loc="left", fontsize=13, color=INK, pad=22)
    axes.annotate(explained, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", fontsize=9.5, color=GREY)


def _about_matches(explanation: Explanation) -> tuple[str, str]:
    matched = np.sum(explanation.matches.gt_index != NONE)
    which = f"{matched} of {len(explanation.default_boxes):,} default boxes; thick: the best of each"
    return "Default boxes matched to each object", f"the detections (dashed white) stand in for the objects; {which}"


def _about_suppression(explanation: Explanation, settings: DetectionConfig) -> tuple[str, str]:
    kept, removed, _ = explanation.suppression
    counts = f"{len(kept.labels)} kept (solid) and how many each removed, {len(removed.labels)} in all (dashed)"
    which = "any class" if settings.class_agnostic else "same class"
    return "What suppression removed", f"{counts}: {which}, IoU above {settings.iou_threshold:g}"


def _draw_maps(panels: Sequence[Axes], grey: np.ndarray, scores: Sequence[np.ndarray], config: DefaultBoxesConfig) -> None:
    """The scores of each feature map over the picture in pale grey; the lower a score, the more can be seen of the picture."""
    for axes, map_scores, step in zip(panels, scores, config.steps, strict=False):
        _show(axes, grey // 2 + 128, cmap="gray", vmin=0, vmax=255)
        reach = len(map_scores) * step / config.image_size  # the last cells may lie partly beyond the picture
        alpha = 0.3 + 0.6 * np.clip(np.nan_to_num(map_scores) * 2, 0, 1)
        axes.imshow(map_scores, cmap=SCALE, vmin=0, vmax=1, alpha=alpha, extent=(0, reach, reach, 0), aspect="auto")
        axes.set_title(f"{len(map_scores)} x {len(map_scores)}", fontsize=12, color=INK)
        axes.set_xlabel(f"at most {map_scores.max():.2f}", fontsize=9.5, color=GREY)
    bar = panels[-1].figure.colorbar(ScalarMappable(Normalize(0, 1), SCALE), cax=panels[-1], ticks=(0, 0.5, 1))
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=9)


def _draw_matches(axes: Axes, explanation: Explanation, class_names: Sequence[str]) -> None:
    """The default boxes of each detection, and how many there are."""
    kept, (gt_index, best) = explanation.suppression.kept, explanation.matches
    taken: list[Box] = []
    for row, label in enumerate(kept.labels):
        _frame(axes, explanation.default_boxes[gt_index == row], class_color(label), linewidth=0.8, alpha=0.8)
    for row, label in enumerate(kept.labels):
        if best[row] != NONE:
            _frame(axes, explanation.default_boxes[best[row], None], class_color(label), linewidth=2.8)
    _frame(axes, kept.boxes, DARK, linewidth=1.5)
    _frame(axes, kept.boxes, WHITE, linewidth=1.5, linestyle=DASHES)
    for row, label in enumerate(kept.labels):
        _write(axes, kept.boxes[row], f"{class_names[label - 1]}: {np.sum(gt_index == row)}", class_color(label), taken)


def _draw_suppression(axes: Axes, explanation: Explanation, class_names: Sequence[str]) -> None:
    """What was removed and what was kept, and how many each of these removed."""
    kept, removed, remover = explanation.suppression
    taken: list[Box] = []
    for label in np.unique(removed.labels):
        _frame(axes, removed.boxes[removed.labels == label], class_color(label), linewidth=0.9, linestyle=DASHES)
    for row, label in enumerate(kept.labels):
        _frame(axes, kept.boxes[row, None], class_color(label), linewidth=2.8)
    for row, label in enumerate(kept.labels):
        text = f"{class_names[label - 1]} {kept.scores[row]:.2f}: {np.sum(remover == row)}"
        _write(axes, kept.boxes[row], text, class_color(label), taken)


def _frame(axes: Axes, boxes: np.ndarray, color: str, **style: Any) -> None:
    """Frames around boxes (N, 4), xyxy fractions."""
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]]]  # (N, 5, 2)
    axes.add_collection(LineCollection(list(corners), colors=color, **style), autolim=False)


def _write(axes: Axes, box: np.ndarray, text: str, color: str, taken: list[Box]) -> None:
    """A label on a plate of `color`, beside a box (4,), xyxy fractions, where it hides the fewest others."""
    panel = axes.get_window_extent()
    written = axes.text(0, 0, text, transform=None, fontsize=9, color=readable_on(color), va="top")
    written.set_bbox({"facecolor": color, "linewidth": 0, "pad": MARGIN * POINTS_PER_INCH / DOTS_PER_INCH})
    size = written.get_window_extent()
    plate_size = (round(size.width) + 2 * MARGIN, round(size.height) + 2 * MARGIN)
    xmin, ymin, xmax, ymax = np.round(np.clip(box, 0, 1) * ((panel.width, panel.height) * 2)).astype(int).tolist()
    plate = place_label((xmin, ymin, xmax, ymax), plate_size, (round(panel.width), round(panel.height)), taken)
    taken.append(plate)
    written.set_position((panel.x0 + plate[0] + MARGIN, panel.y1 - plate[1] - MARGIN))
