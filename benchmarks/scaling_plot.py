"""The curves of `benchmarks.scaling`, drawn with matplotlib: a panel for each variable."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from benchmarks.exponents import Curve
from tf_ssd.drawing.figures import GREY, PALETTE, new_figure, plain, png

COLUMNS = 2
WIDTH, HEIGHT, DOTS_PER_INCH = 6.0, 4.2, 100  # inches of a panel
TITLE = "Cost relative to the smallest size. In brackets: exponent p of cost ~ size^p, fitted to the larger half of the sizes"


def scaling_png(curves: Sequence[Curve]) -> bytes:
    """A picture, encoded as PNG; an operation has the same colour in each panel."""
    variables = list(dict.fromkeys(curve.variable for curve in curves))
    operations = list(dict.fromkeys(curve.operation for curve in curves))
    colors = {operation: PALETTE[number % len(PALETTE)] for number, operation in enumerate(operations)}
    rows = -(-len(variables) // COLUMNS)
    with new_figure(WIDTH * COLUMNS, HEIGHT * rows, dots_per_inch=DOTS_PER_INCH, layout="constrained") as figure:
        figure.suptitle(TITLE, fontsize=12)
        for number, variable in enumerate(variables, start=1):
            axes = figure.add_subplot(rows, COLUMNS, number, xscale="log", yscale="log", xlabel=variable, ylabel="relative cost")
            _panel(axes, [curve for curve in curves if curve.variable == variable], colors)
        return png(figure)


def _panel(axes: Axes, curves: Sequence[Curve], colors: dict[str, str]) -> None:
    sizes = sorted({size for curve in curves for size in curve.sizes})
    axes.plot(sizes, [size / sizes[0] for size in sizes], color=GREY, linestyle=":", label="linear")
    for curve in curves:
        label = f"{curve.operation} ({curve.exponent:.2f})"
        axes.plot(curve.sizes, curve.costs, color=colors[curve.operation], marker="o", markersize=4, label=label)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    plain(axes)
    axes.legend(frameon=False, loc="upper left")
