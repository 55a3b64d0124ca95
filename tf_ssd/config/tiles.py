"""Looking at large pictures in tiles, by the same words in every command."""

from dataclasses import dataclass
from typing import Literal

from tf_ssd.config.rules import require, whole_number

Tiles = int | Literal["auto"] | None
MOST_TILES = 16  # along a side
OVERLAP = 0.2


@dataclass(frozen=True)
class Tiling:
    """In which tiles pictures are looked at, beside the whole of each."""

    tiles: Tiles = None
    """Look at N x N overlapping tiles of each picture too, for small objects; auto: about as large as the network's input."""
    tile_overlap: float = OVERLAP
    """The share of a tile's side that it has in common with the next; an object up to that size is whole in some tile."""

    def __post_init__(self) -> None:
        rule = f"must be from 1 to {MOST_TILES}, or auto"
        given = self.tiles not in (None, "auto")
        require(not given or 1 <= whole_number(self.tiles, "--tiles") <= MOST_TILES, "--tiles", self.tiles, rule)
        require(0 <= self.tile_overlap <= 0.5, "--tile-overlap", self.tile_overlap, "must be from 0 to 0.5")
        alone = self.tiles is None and self.tile_overlap != OVERLAP
        require(not alone, "--tile-overlap", self.tile_overlap, "is for --tiles; give that too")


NO_TILES = Tiling()
