"""From a window of an image to the pixels of the network's input, resampled once.

The result is what pasting the image on its canvas, cropping it to the window and resizing it bilinearly give one after another.
Each pixel of the output is a weighted mean of four pixels of the window, some of which may be canvas; the share of the weights that
falls on the image is its coverage. Where the coverage is 0, nothing is computed.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_ssd.data.images.planes import to_planes
from tf_ssd.data.images.source import Part, Source, read_window


class Axis(NamedTuple):
    """The pixels of the output along one axis that show any of the image.

    Attributes:
        first, last: positions of the first and the last of them on the image, float32; pixel i's centre is at i.
        coverage: (n,) float32, how much of each falls on the image, 0..1.
        margins: (2,) int32, how many pixels of the output come before and after them.
    """

    first: tf.Tensor
    last: tf.Tensor
    coverage: tf.Tensor
    margins: tf.Tensor


class Rendering(NamedTuple):
    """The rectangle of the output that shows any of the image: channels (3, h, w) float32 RGB 0..255, and where it lies."""

    channels: tf.Tensor
    rows: Axis
    columns: Axis


def resize_window(source: Source, window_px: tf.Tensor, *, image_size: int) -> tf.Tensor:
    """Resize a window of an image bilinearly to (S, S, 3) float32 RGB 0..255; the reduction is the only antialiasing.

    Args:
        source: the image.
        window_px: (4,) int32, xyxy, inside the image.
        image_size: S.
    """
    part = read_window(source, window_px, image_size=image_size)
    return _resized(part, lambda: _axes(source.size_px, window_px, image_size), image_size)


def resample(source: Source, window_px: tf.Tensor, *, image_size: int) -> Rendering:
    """Resample what a window shows of an image to its final size, the image's edges repeated beyond it.

    Args:
        source: the image.
        window_px: (4,) int32, xyxy; may reach outside the image.
        image_size: S, side of the output.
    """
    part, axes = read_window(source, window_px, image_size=image_size), _axes(source.size_px, window_px, image_size)
    return Rendering(to_planes(_resized(part, lambda: axes, image_size)), *axes)


def compose(rendering: Rendering, *, fill: tuple[float, float, float]) -> tf.Tensor:
    """Lay a rendering over a canvas of the colour `fill`: (S, S, 3) float32."""
    channels, rows, columns = rendering

    def blend() -> tf.Tensor:
        coverage = rows.coverage[:, None] * columns.coverage  # (h, w)
        margins = tf.stack([rows.margins, columns.margins])
        canvas = tf.pad(1 - coverage, margins, constant_values=1) * tf.constant(fill, tf.float32, shape=[3, 1, 1])  # (3, S, S)
        return canvas + tf.pad(channels * coverage, tf.pad(margins, [[1, 0], [0, 0]]))

    covered = tf.stack([tf.reduce_all(axis.coverage == 1) & tf.reduce_all(axis.margins == 0) for axis in (rows, columns)])
    finished = tf.cond(tf.reduce_all(covered), lambda: channels, blend)  # (3, S, S)
    return tf.transpose(finished, [1, 2, 0])  # one size for all images, see `planes`


def _resized(part: Part, axes: Callable[[], tuple[Axis, Axis]], image_size: int) -> tf.Tensor:
    """The part of the output that shows the image, (h, w, 3) float32. If exactly the window was read, a resize is enough."""
    return tf.cond(part.is_window, lambda: tf.image.resize(part.pixels, (image_size, image_size)), lambda: _sample(part, *axes()))


def _axes(size_px: tf.Tensor, window_px: tf.Tensor, image_size: int) -> tuple[Axis, Axis]:
    """The rows and the columns of the output."""
    (left, top, right, bottom), (width, height) = tf.unstack(window_px), tf.unstack(size_px)
    return _axis(top, bottom, height, image_size), _axis(left, right, width, image_size)


def _axis(start: tf.Tensor, stop: tf.Tensor, extent: tf.Tensor, count: int) -> Axis:
    """Where `count` output pixels fall that show start..stop of an axis with `extent` pixels."""
    start, stop, extent = (tf.cast(value, tf.float32) for value in (start, stop, extent))
    position = start + (tf.range(count, dtype=tf.float32) + 0.5) * (stop - start) / count - 0.5  # (S,)
    # A resize repeats the pixels at the edge of its input, here the window.
    inner = tf.clip_by_value(position, start, stop - 1)
    coverage = tf.clip_by_value(tf.minimum(inner + 1, extent - inner), 0, 1)
    shown, index = coverage > 0, tf.range(count)
    # A sliver of the image between two sampled positions shows in no pixel: the last pixel, of coverage 0, is then taken.
    first = tf.reduce_min(tf.where(shown, index, count - 1))
    last = tf.reduce_max(tf.where(shown, index, first))
    return Axis(position[first], position[last], coverage[first : last + 1], tf.stack([first, count - 1 - last]))


def _sample(part: Part, rows: Axis, columns: Axis) -> tf.Tensor:
    """Bilinear samples (h, w, 3) of a part of the image, its edges repeated."""
    source = _repeat_edges(part.pixels)
    # From positions on the image to those on the reduced one: its pixel i has its centre at i * reduction + (reduction - 1) / 2.
    reduction = tf.cast(part.reduction, tf.float32)
    ends = (tf.stack([rows.first, columns.first, rows.last, columns.last]) - (reduction - 1) / 2) / reduction
    ends -= tf.tile(tf.cast(part.corner[::-1] - 1, tf.float32), [2])
    # `crop_and_resize` counts from the first to the last pixel centre of its input as 0..1, and samples from end to end.
    ends /= tf.cast(tf.tile(tf.shape(source)[:2] - 1, [2]), tf.float32)
    shape = tf.stack([tf.size(rows.coverage), tf.size(columns.coverage)])
    return tf.image.crop_and_resize(source[None], ends[None], [0], shape)[0]


def _repeat_edges(image: tf.Tensor) -> tf.Tensor:
    """One more pixel on every side. `tf.pad` does the same and takes ten times as long."""
    image = tf.concat([image[:1], image, image[-1:]], axis=0)
    return tf.concat([image[:, :1], image, image[:, -1:]], axis=1)
