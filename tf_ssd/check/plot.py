"""How well default boxes fit, as a picture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter, ScalarFormatter

from tf_ssd.check.coverage import Coverage, GroundTruth
from tf_ssd.check.presets import FITTED, Comparison, share, sizes
from tf_ssd.data.coverage import THRESHOLD, side_groups
from tf_ssd.drawing.figures import BLUE, CYAN, DASHES, GREEN, GREY, INK, ORANGE, PALE, PURPLE, RED, new_figure, plain, png
from tf_ssd.system.words import counted

MOST_POINTS = 8000
SHAPES = (("tall, above 3:2", RED), ("about square", GREY), ("wide, above 3:2", CYAN))
SETS = (BLUE, GREEN, ORANGE, PURPLE)
TICKS_PX = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


def coverage_png(comparison: Comparison) -> bytes:
    """A picture, encoded as PNG: best IoU against side for the chosen preset, its distribution, the share covered by every set."""
    covered = share(comparison.coverages[comparison.chosen])
    objects = counted(len(comparison.truth.boxes), "box")
    title = f"{comparison.chosen} on {comparison.split}: a default box for {covered:.1%} of {objects}"
    with new_figure(11, 8, dots_per_inch=130, layout="constrained") as figure:
        grid = figure.add_gridspec(2, 2, width_ratios=(5, 1), height_ratios=(3, 2))
        cloud = figure.add_subplot(grid[0, 0])
        _draw_cloud(cloud, comparison.truth, comparison.coverages[comparison.chosen])
        _draw_distribution(figure.add_subplot(grid[0, 1], sharey=cloud), comparison.coverages[comparison.chosen])
        _draw_sets(figure.add_subplot(grid[1, :]), comparison)
        figure.suptitle(f"{title} at IoU {THRESHOLD}", fontsize=14, fontweight="bold", color=INK, x=0.01, ha="left")
        return png(figure)


def _draw_cloud(axes: Axes, truth: GroundTruth, coverage: Coverage) -> None:
    """A point for each ground truth, or for as many drawn at random as can be told apart."""
    drawn = np.random.default_rng(0).permutation(len(truth.boxes))[:MOST_POINTS]
    sides, aspects, best = truth.sides_px(coverage.config.image_size)[drawn], truth.aspects()[drawn], coverage.best_iou[drawn]
    alpha = float(np.clip(700 / len(drawn), 0.25, 0.8))
    shape = np.digitize(aspects, (2 / 3, 3 / 2))
    for number, (name, color) in enumerate(SHAPES):
        rows = shape == number
        if not rows.any():
            continue
        label = f"{name} ({np.mean(rows):.1%})"
        axes.scatter(sides[rows], best[rows], s=12, color=color, alpha=alpha, linewidths=0, label=label, zorder=2)
    plain(axes)
    _side_axis(axes, sides, coverage.config.image_size)
    axes.axhspan(0, THRESHOLD, color=RED, alpha=0.06, linewidth=0, zorder=0)
    axes.axhline(THRESHOLD, color=INK, linewidth=1, linestyle=DASHES)
    squares = [width for shapes in coverage.config.shapes for width, height in shapes if width == height]
    axes.vlines(squares, 0, 0.03, color=INK, linewidth=2)
    axes.text(0.006, 0.045, "▏square boxes", transform=axes.transAxes, fontsize=8, color=INK, va="bottom")
    axes.set(ylim=(0, 1), ylabel="best IoU with a default box")
    legend = axes.legend(loc="lower right", frameon=False, title="width over height in the network's input", alignment="left")
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1)


def _draw_distribution(axes: Axes, coverage: Coverage) -> None:
    """How the best IoUs are distributed, along the same axis."""
    counts, edges = np.histogram(coverage.best_iou, bins=40, range=(0, 1))
    colors = [RED if edge < THRESHOLD else PALE for edge in edges[:-1]]
    axes.barh(edges[:-1], counts / counts.sum(), height=1 / 40, align="edge", color=colors, linewidth=0)
    axes.axhline(THRESHOLD, color=INK, linewidth=1, linestyle=DASHES)
    plain(axes)
    axes.tick_params(labelleft=False)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))  # ticks may be at 2.5%
    axes.set(xlabel="share of boxes")


def _listed(comparison: Comparison, name: str) -> str:
    return " ".join(f"{size:g}" for size in sizes(comparison, name))


def _draw_sets(axes: Axes, comparison: Comparison) -> None:
    """Share covered in each group of sizes, a bar for each set of default boxes."""
    size = comparison.network.boxes.image_size
    names, group = side_groups(comparison.truth.sides_px(size), size)
    present = np.unique(group).tolist()
    width = 0.8 / len(comparison.coverages)
    for number, ((name, coverage), color) in enumerate(zip(comparison.coverages.items(), SETS, strict=False)):
        shares = [float(np.mean(coverage.covered[group == member])) for member in present]
        label = f"{name}: {_listed(comparison, name)}" + " (these boxes)" * (name == FITTED)
        places = np.arange(len(present)) + (number - (len(comparison.coverages) - 1) / 2) * width
        axes.bar(places, shares, width * 0.92, color=color, label=label)
        for place, value in zip(places, shares, strict=True):
            axes.text(place, value + 0.015, f"{value:.0%}", ha="center", fontsize=8, color=INK)
    labels = [f"{names[member]} px\n{counted(int(np.sum(group == member)), 'box')}" for member in present]
    plain(axes)
    axes.set_xticks(range(len(present)), labels)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(ylim=(0, 1.08), ylabel=f"with a default box at IoU {THRESHOLD}")
    axes.set_title("What other sizes would do, by the side of a square of like area", loc="left", fontsize=12, color=INK, pad=40)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=8, borderaxespad=0)


def _side_axis(axes: Axes, sides: np.ndarray, image_size: int) -> None:
    axes.set_xscale("log", base=2)
    low, high = max(2.0, float(sides.min()) / 1.2), min(image_size * 1.1, float(sides.max()) * 1.2)
    axes.set_xlim(low, max(high, low * 2))
    axes.set_xticks([tick for tick in TICKS_PX if low <= tick <= high])
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.minorticks_off()
    axes.set_xlabel(f"side of a square of the same area, px of the network's {image_size} x {image_size} input")
