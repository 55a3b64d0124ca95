"""Figures by matplotlib: their colours, and a PNG of what was drawn, the same whatever a user has set for plots of their own."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

PALETTE = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#bcbd22", "#17becf")
BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, PINK, OLIVE, CYAN = PALETTE
INK, GREY, PALE, FAINT = "#333333", "#777777", "#c4c4c4", "#dddddd"  # text; less important text and lines; background; grids
DASHES = (0, (4, 3))


@contextmanager
def new_figure(
    width: float, height: float, *, dots_per_inch: int, layout: Literal["constrained"] | None = None
) -> Iterator[Figure]:
    """An empty figure of so many inches, to be drawn on and encoded by `png` inside the block.

    Text is drawn as it is; of a character that no font has, a box is drawn, without a warning.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams["text.parse_math"] = False  # in names of classes and files a `$` begins no formula
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure(figsize=(width, height), dpi=dots_per_inch, layout=layout)
        FigureCanvasAgg(figure)
        yield figure


def png(figure: Figure) -> bytes:
    """A figure of `new_figure`, encoded as PNG."""
    encoded = BytesIO()
    figure.savefig(encoded, format="png")
    return encoded.getvalue()


def plain(axes: Axes) -> None:
    """Axes without a frame: lines at the left and below, and a faint grid behind what is drawn."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
