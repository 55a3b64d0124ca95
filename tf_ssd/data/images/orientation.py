"""The eight orientations of EXIF: how the pixels of a photo are turned before they are shown.

An orientation is a number from 1 to 8; 1 leaves the pixels as they are stored. Source: EXIF 2.3, tag Orientation (274).
"""

import numpy as np

# An image is shown with rows and columns exchanged first, then mirrored left to right and top to bottom.
EXCHANGED = (5, 6, 7, 8)
MIRRORED_HORIZONTALLY = (2, 3, 6, 7)
MIRRORED_VERTICALLY = (3, 4, 7, 8)


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels (H, W, ...) as they are to be shown, as by Pillow's `exif_transpose`; a view."""
    if orientation in EXCHANGED:
        pixels = pixels.swapaxes(0, 1)
    if orientation in MIRRORED_HORIZONTALLY:
        pixels = pixels[:, ::-1]
    if orientation in MIRRORED_VERTICALLY:
        pixels = pixels[::-1]
    return pixels


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height as shown, from those that are stored, and the other way round."""
    return size[::-1] if orientation in EXCHANGED else size


def stored_part(part_px: tuple[int, int, int, int], size: tuple[int, int], orientation: int) -> tuple[int, int, int, int]:
    """Where the pixels of a part are stored: xyxy in the shown image, whose size is (width, height), to xyxy in the stored one."""
    left, top, right, bottom = part_px
    if orientation in MIRRORED_HORIZONTALLY:
        left, right = size[0] - right, size[0] - left
    if orientation in MIRRORED_VERTICALLY:
        top, bottom = size[1] - bottom, size[1] - top
    return (top, left, bottom, right) if orientation in EXCHANGED else (left, top, right, bottom)
