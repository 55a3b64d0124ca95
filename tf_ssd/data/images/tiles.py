"""Where the overlapping tiles of a picture lie; NumPy only."""

from collections.abc import Sequence

import numpy as np

from tf_ssd.boxes_px import Size
from tf_ssd.config.tiles import MOST_TILES, Tiling
from tf_ssd.data.images.decode import REDUCTIONS
from tf_ssd.errors import ConfigError

MOST_AUTO = 8  # along a side
SMALLEST_PX = 32  # side of a tile


def tiles_of(size: Size, tiling: Tiling, *, image_size: int, name: str) -> np.ndarray:
    """The tiles of a picture, (T, 4) int32 xyxy in whole pixels, row by row; none where there would be one, the picture itself.

    All are of one size, of whole cells at the `tile_reduction` to which they are read, and begin at whole pixels: neighbours share
    `tiling.tile_overlap` of a side, give or take a few pixels.

    Args:
        size: width and height of the picture.
        tiling: how many.
        image_size: side of the network's input.
        name: of the picture, for messages.

    Raises:
        ConfigError: the tiles would be tiny.
    """
    counts = [_count(extent, tiling, image_size) for extent in size]
    if max(counts) == 1:
        return np.zeros((0, 4), np.int32)
    check_size(size, tiling, name)
    sides = _whole_cells([_side(extent, count, tiling) for extent, count in zip(size, counts, strict=True)], image_size)
    starts = [np.linspace(0, extent - side, count) for extent, side, count in zip(size, sides, counts, strict=True)]
    corners = np.rint(np.stack(np.meshgrid(*starts), axis=-1)).reshape(-1, 2)  # (T, 2)
    return np.concatenate([corners, corners + sides], axis=-1).astype(np.int32)


def tile_reduction(sides: Sequence[int], image_size: int) -> int:
    """How many times smaller a tile is read: each of its sides keeps `image_size` pixels. The rule of `source.choose_reduction`."""
    return max(reduction for reduction in REDUCTIONS if reduction == 1 or min(sides) // image_size >= reduction)


def check_size(size: Size, tiling: Tiling, name: str) -> None:
    """Raise ConfigError if the number of tiles that is given makes tiny ones of a picture of `size`, called `name`."""
    if tiling.tiles in (None, "auto", 1):
        return
    sides = [_side(extent, int(tiling.tiles), tiling) for extent in size]
    if min(sides) >= SMALLEST_PX:
        return
    most = max(count for count in range(1, MOST_TILES) if count == 1 or _side(min(size), count, tiling) >= SMALLEST_PX)
    tile = f"{name} has {size[0]} x {size[1]} px, so that a tile would have {sides[0]} x {sides[1]}"
    raise ConfigError(f"--tiles {tiling.tiles}: {tile}; give up to {most}, for tiles of {SMALLEST_PX} px or more, or auto")


def magnification(count: int, overlap: float) -> float:
    """How many times as large objects are in `count` tiles along a side as in all of the picture."""
    return count - (count - 1) * overlap


def _count(extent: int, tiling: Tiling, image_size: int) -> int:
    """How many tiles there are along a side of `extent` pixels."""
    if tiling.tiles != "auto":
        return tiling.tiles or 1
    overlap = tiling.tile_overlap
    return int(np.clip(np.rint((extent / image_size - overlap) / (1 - overlap)), 1, MOST_AUTO))


def _side(extent: int, count: int, tiling: Tiling) -> int:
    return int(np.ceil(extent / magnification(count, tiling.tile_overlap)))


def _whole_cells(sides: Sequence[int], image_size: int) -> list[int]:
    """Sides lengthened to multiples of the reduction that they then have."""
    for reduction in sorted(REDUCTIONS, reverse=True):
        longer = [-(-side // reduction) * reduction for side in sides]
        if tile_reduction(longer, image_size) >= reduction:
            break
    return longer
