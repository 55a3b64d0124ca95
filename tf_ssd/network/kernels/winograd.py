"""3x3 convolutions with 2.25 times fewer multiplications: F(2x2, 3x3) of Lavin and Gray 2015 (arXiv 1509.09308), and its gradients.

Tiles of 4x4 pixels d give 2x2 results y for a kernel g, in one dimension as in the other:

    y = A' [(G g G') * (B' d B)] A,   dg = G' [sum over tiles (A dy A') * (B' d B)] G

where * is a product of elements: with channels and tiles, 16 products of matrices. XLA compiles the sums around them. In float32
its largest error is one to four times that of the usual 36 products, by processor, and less than an epsilon of the sum of their
magnitudes. A pixel or weight that is not finite reaches all results of its tiles, as NaN.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from tf_ssd.numerics.custom_gradient import custom_gradient

CHANNELS = 256  # of pixels and of results, from which it is faster (benchmarks/NOTES.md)
STEP, TILE = 2, 4  # pixels from tile to tile, and of a tile
CHUNK = 2**17  # numbers, 0.5 MB, of which some tens of arrays are held at a time: larger chunks are no faster
Matrix = tuple[tuple[float, ...], ...]
PIXELS: Matrix = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))  # B'
KERNEL: Matrix = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))  # G
RESULT: Matrix = ((1, 1, 1, 0), (0, 1, -1, -1))  # A'

Grid = Sequence[Sequence[tf.Tensor]]  # a small matrix whose elements are tensors of one shape


def suits(pixels: tf.Tensor, kernel: tf.Tensor, *, strides: tuple[int, int], padding: str, dilation_rate: tuple[int, int]) -> bool:
    """Whether `convolve` computes a convolution with these settings of Keras, and is faster."""
    geometry = (kernel.shape[:2], strides, padding, dilation_rate)
    many = min(kernel.shape[2:]) >= CHANNELS
    return many and geometry == ((3, 3), (1, 1), "same", (1, 1)) and pixels.dtype in (tf.float32, tf.float64)


@custom_gradient
def convolve(pixels: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """Convolve with stride 1 and zeros around, as `tf.nn.conv2d(pixels, kernel, 1, "SAME")`; can be differentiated once.

    Args:
        pixels: (B, H, W, C) float32 or float64; H, W and C must be known when it is traced.
        kernel: (3, 3, C, O) of the same dtype.

    Returns:
        (B, H, W, O).
    """
    pixels, kernel = tf.stop_gradient(pixels), tf.stop_gradient(kernel)  # or an eager tape would record what happens inside as well

    def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        by_kernel = _gradient_by_kernel(pixels, upstream)
        with tf.control_dependencies([by_kernel]):  # at once they would hold twice the memory, and be no faster
            return _convolve(upstream, _turned(kernel)), by_kernel

    return _convolve(pixels, kernel), gradients


@tf.function(jit_compile=True, autograph=False)
def _convolve(pixels: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    of_kernel = _sandwich(KERNEL, _elements(kernel))  # 4x4 tensors (C, O)
    images = _images_at_a_time(pixels, channels=max(kernel.shape[2:]))

    def convolve_chunk(first: tf.Tensor) -> tf.Tensor:
        of_pixels = _of_pixels(_part(pixels, first, images))
        products = _in_places(lambda x, k: tf.tensordot(x, k, axes=1), of_pixels, of_kernel)  # (n, H/2, W/2, O)
        return _joined(_sandwich(RESULT, products))[:, : pixels.shape[1], : pixels.shape[2]]

    firsts = tf.range(0, tf.shape(pixels)[0], images)
    results = tf.map_fn(convolve_chunk, firsts, fn_output_signature=pixels.dtype)  # (B/n, n, H, W, O)
    return tf.reshape(results, (-1, *results.shape[2:]))


@tf.function(jit_compile=True, autograph=False)
def _gradient_by_kernel(pixels: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    channels, filters = pixels.shape[3], upstream.shape[3]
    images = _images_at_a_time(pixels, channels=max(channels, filters))

    def add_chunk(sums: Grid, first: tf.Tensor) -> Grid:
        of_pixels = _of_pixels(_part(pixels, first, images))
        of_results = _sandwich(_transposed(RESULT), _strided(_padded(_part(upstream, first, images), before=0), size=STEP))
        products = _in_places(lambda x, y: tf.matmul(_flat(x), _flat(y), transpose_a=True), of_pixels, of_results)
        return _in_places(tf.add, sums, products)  # (C, O)

    nothing = [[tf.zeros((channels, filters), pixels.dtype)] * TILE] * TILE
    sums = tf.foldl(add_chunk, tf.range(0, tf.shape(pixels)[0], images), initializer=nothing)
    return tf.stack([tf.stack(row) for row in _sandwich(_transposed(KERNEL), sums)])


@tf.function(jit_compile=True, autograph=False)
def _turned(kernel: tf.Tensor) -> tf.Tensor:
    """(3, 3, C, O) -> (3, 3, O, C), by half a turn."""
    return tf.transpose(kernel[::-1, ::-1], (0, 1, 3, 2))


def _images_at_a_time(pixels: tf.Tensor, *, channels: int) -> int:
    """As many as the products of one place need `CHUNK` numbers for, or fewer: a part of the batch, or 1 if that is not known."""
    batch, height, width, _ = pixels.shape
    fit = CHUNK // (channels * -(-height // STEP) * -(-width // STEP))
    most = max(1, min(fit, batch or 1))
    return max(n for n in range(1, most + 1) if n == 1 or batch % n == 0)


def _part(batch: tf.Tensor, first: tf.Tensor, images: int) -> tf.Tensor:
    """Images from the first on."""
    return tf.slice(batch, [first, 0, 0, 0], [images, *batch.shape[1:]])


def _in_places(function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], a: Grid, b: Grid) -> Grid:
    """The function of the two tensors in each place."""
    return [[function(*pair) for pair in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]


def _of_pixels(pixels: tf.Tensor) -> Grid:
    """B' d B: 4x4 tensors (B, H/2, W/2, C), one for each place in a tile."""
    return _sandwich(PIXELS, _strided(_padded(pixels, before=1), size=TILE))


def _padded(pixels: tf.Tensor, *, before: int) -> tf.Tensor:
    """Zeros before the first pixel of each side, and after the last one until tiles of 4 pixels, or steps of 2, end there."""
    after = [before + side % STEP for side in pixels.shape[1:3]]
    return tf.pad(pixels, [[0, 0], [before, after[0]], [before, after[1]], [0, 0]])


def _strided(pixels: tf.Tensor, *, size: int) -> Grid:
    """Every second pixel, from each of the first `size` rows and columns: size x size tensors (B, H/2, W/2, C)."""
    height, width = (side - size + STEP for side in pixels.shape[1:3])
    return [[pixels[:, y : y + height : STEP, x : x + width : STEP] for x in range(size)] for y in range(size)]


def _joined(grid: Grid) -> tf.Tensor:
    """Inverse of `_strided` for 2x2 tensors (B, H/2, W/2, O) -> (B, H, W, O)."""
    rows = tf.stack([tf.stack(row, axis=3) for row in grid], axis=2)  # (B, H/2, 2, W/2, 2, O)
    return tf.reshape(rows, (-1, STEP * rows.shape[1], STEP * rows.shape[3], rows.shape[5]))


def _elements(kernel: tf.Tensor) -> Grid:
    return [tf.unstack(row) for row in tf.unstack(kernel)]


def _sandwich(matrix: Matrix, grid: Grid) -> Grid:
    """The product matrix @ grid @ matrix'."""
    columns = [_combinations(matrix, column) for column in zip(*grid, strict=True)]
    return [_combinations(matrix, row) for row in zip(*columns, strict=True)]


def _combinations(matrix: Matrix, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The product matrix @ tensors; what is multiplied by 0 is left out, and XLA leaves out factors of 1."""
    return [sum(factor * tensor for factor, tensor in zip(row, tensors, strict=True) if factor) for row in matrix]


def _transposed(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))


def _flat(tensor: tf.Tensor) -> tf.Tensor:
    return tf.reshape(tensor, (-1, tensor.shape[-1]))
