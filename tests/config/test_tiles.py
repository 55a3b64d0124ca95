import numpy as np
import pytest

from tf_ssd.config import Tiling
from tf_ssd.errors import ConfigError


@pytest.mark.parametrize(
    ("tiles", "overlap", "message"),
    [
        (0, 0.2, "--tiles=0: must be from 1 to 16, or auto"),
        (17, 0.2, "--tiles=17: must be from 1 to 16, or auto"),
        (2.5, 0.2, "--tiles=2.5: must be a whole number"),
        ("many", 0.2, "--tiles='many': must be a whole number"),
        (2, 0.51, "--tile-overlap=0.51: must be from 0 to 0.5"),
        (2, -0.1, "--tile-overlap=-0.1: must be from 0 to 0.5"),
        (None, 0.3, "--tile-overlap=0.3: is for --tiles; give that too"),
        (2, np.nan, "--tile-overlap=nan: must be from 0 to 0.5"),
    ],
)
def test_what_is_out_of_range(tiles, overlap, message):
    with pytest.raises(ConfigError, match=message):
        Tiling(tiles, overlap)


@pytest.mark.parametrize("tiles", [None, "auto", 1, 16, np.int64(3)])
def test_what_may_be_given(tiles):
    assert Tiling(tiles).tile_overlap == 0.2
