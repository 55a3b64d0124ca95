"""How PyTorch keeps tensors and calls them."""

from collections.abc import Iterable, Mapping

from tf_ssd.weights.tables.table import EVERY_FOURTH, Conversion, Target, Targets

# PyTorch keeps kernels as (output, input, height, width), Keras as (height, width, input, output).
OIHW = Conversion(lambda hwio: (hwio[3], hwio[2], hwio[0], hwio[1]), lambda array: array.transpose(2, 3, 1, 0))
# One kernel for each channel: (channels, 1, height, width) becomes (height, width, channels, 1).
DEPTHWISE = Conversion(lambda hwc1: (hwc1[2], 1, hwc1[0], hwc1[1]), lambda array: array.transpose(2, 3, 0, 1))
# Dense layers as (output, input), where the input of fc1 is a window of (channel, row, column).
FC1 = Conversion(lambda _: (4096, 512 * 7 * 7), lambda array: array.reshape(-1, 512, 7, 7)[::4, :, ::3, ::3].transpose(2, 3, 1, 0))
FC2 = Conversion(lambda _: (4096, 4096), lambda array: array[::4, ::4].T[None, None])
NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def numbered(pattern: str, numbers: Iterable[int | str], layers: Iterable[str]) -> dict[str, str]:
    """Names that a pattern makes of numbers, and the layers that they stand for."""
    return {pattern.format(number): layer for number, layer in zip(numbers, layers, strict=True)}


def convolutions(layers: Mapping[str, str]) -> Targets:
    """Targets of the weight and bias of each convolution, from PyTorch's name for it to ours."""
    targets: Targets = {f"{theirs}.weight": kernel(ours) for theirs, ours in layers.items()}
    return targets | {f"{theirs}.bias": Target(f"{ours}.bias") for theirs, ours in layers.items()}


def dense(layers: Mapping[str, tuple[str, Conversion]]) -> Targets:
    """Targets of VGG's dense layers, from PyTorch's name to the convolution that is made of it, and how."""
    targets: Targets = {}
    for theirs, (ours, conversion) in layers.items():
        targets |= {
            f"{theirs}.weight": Target(f"{ours}.kernel", conversion),
            f"{theirs}.bias": Target(f"{ours}.bias", EVERY_FOURTH),
        }
    return targets


def normalised(convolution: str, norm: str, layer: str) -> Targets:
    """Targets of a convolution without bias and of the batch normalisation that follows it."""
    targets: Targets = {f"{convolution}.weight": kernel(layer)}
    targets |= {f"{norm}.{theirs}": Target(f"{layer}_bn.{ours}") for theirs, ours in NORM.items()}
    return targets | {f"{norm}.num_batches_tracked": None}


def kernel(layer: str) -> Target:
    """Where the weight of a convolution goes."""
    depthwise = "depthwise" in layer or layer.startswith("conv_dw_")
    return Target(f"{layer}.kernel", DEPTHWISE if depthwise else OIHW)
