"""Decoding a part of a JPEG by TensorFlow, at a fraction of the cost of all of it."""

import numpy as np

# Nearly every JPEG in use: Huffman codes, sequential or progressive.
ORDINARY_FRAMES = (0xC0, 0xC1, 0xC2)
OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
START_OF_SCAN = 0xDA
END_OF_IMAGE = b"\xff\xd9"
# libjpeg interpolates colours between neighbouring pixels. Columns beside a part must be decoded for it; it sees to rows itself.
MARGIN_PX = 2


def is_ordinary(encoded: bytes) -> bool:
    """Whether these are the bytes of a grey or colour JPEG with 8 bits a channel that was not cut off.

    The marker of the end cannot occur within a scan, so that a file that was cut off lacks it, wherever the cut is. Damage
    within a scan is not noticed.
    """
    if encoded[:2] != b"\xff\xd8":
        return False
    position, components = 2, 0
    while encoded[position : position + 1] == b"\xff" and position + 10 <= len(encoded):
        marker = encoded[position + 1]
        if marker == START_OF_SCAN:
            return components in (1, 3) and encoded.rfind(END_OF_IMAGE, position) > 0
        if marker in ORDINARY_FRAMES and encoded[position + 4] == 8:
            components = encoded[position + 9]
        elif marker in OTHER_FRAMES:
            return False
        position += 2 + int.from_bytes(encoded[position + 2 : position + 4])
    return False


def decode_ordinary(encoded: bytes, part_px: tuple[int, int, int, int], width: int, *, reduction: int) -> np.ndarray | None:
    """A part of a JPEG as (h, w, 3) uint8 RGB, the same to the bit as cutting it out of all of the image.

    Args:
        encoded: a file that `is_ordinary`.
        part_px: xyxy of the part in pixels of the reduced image.
        width: of the whole reduced image: its full width / reduction, rounded up.
        reduction: 1, 2, 4 or 8; each pixel of the reduced image stands for reduction x reduction pixels, counted from the left
            upper corner, and comes from an inverse cosine transform of the lower frequencies.

    Returns:
        The part, or None if TensorFlow cannot decode the file. libjpeg may write the reason to standard error, and also
        damage in spite of which it can decode.
    """
    import tensorflow as tf  # imported late: annotations and sizes of images are read without it

    left, top, right, bottom = part_px
    first, last = max(left - MARGIN_PX, 0), min(right + MARGIN_PX, width)
    window = (top, first, bottom - top, last - first)
    try:
        tensor = tf.io.decode_and_crop_jpeg(
            encoded, window, channels=3, ratio=reduction, dct_method="INTEGER_ACCURATE", fancy_upscaling=True
        )
    except tf.errors.OpError:
        return None
    return tensor.numpy()[:, left - first : right - first]
