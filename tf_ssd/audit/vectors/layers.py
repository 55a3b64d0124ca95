"""A layer in words that any framework has: what it does, to the outputs of which layers, with which numbers and weights."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from tf_ssd.network.layers import L2Normalize, ReLUMaxPooling2D
from tf_ssd.network.output import Output

Described = dict[str, Any]


def described(layer: keras.Layer) -> Described:
    """`{"name", "does", "takes", ...}`, and under "weights" the path of each variable in the file of weights.

    "padding" is (top, bottom, left, right) in pixels. Kernels have the axes height, width, channels taken, channels given; those of
    depthwise convolutions height, width, channels, 1. Maps are (height, width, channels).
    """
    taken = [tensor._keras_history.operation.name for tensor in _inputs(layer)]
    weights = {variable.name: variable.path for variable in layer.variables}
    return {"name": layer.name, "takes": taken, **_KINDS[type(layer).__name__](layer), **({"weights": weights} if weights else {})}


def _inputs(layer: keras.Layer) -> list[keras.KerasTensor]:
    if isinstance(layer, layers.InputLayer):
        return []
    return layer.input if isinstance(layer.input, list) else [layer.input]


def _convolution(layer: layers.Conv2D) -> Described:
    geometry = {"strides": layer.strides, "dilation": layer.dilation_rate}
    return {"does": "convolution", **geometry, "padding": _padding(layer, layer.kernel_size, layer.dilation_rate)}


def _depthwise(layer: layers.DepthwiseConv2D) -> Described:
    return {**_convolution(layer), "does": "depthwise convolution"}


def _padding(layer: Any, size: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> tuple[int, ...]:
    """TensorFlow's padding "same" adds the odd pixel at the end."""
    if layer.padding == "valid":
        return (0, 0, 0, 0)
    pixels: list[int] = []
    for side, kernel, stride, step in zip(layer.input.shape[1:3], size, layer.strides, dilation, strict=True):
        missing = max((-(-side // stride) - 1) * stride + (kernel - 1) * step + 1 - side, 0)
        pixels += [missing // 2, missing - missing // 2]
    return tuple(pixels)


def _max_pooling(layer: layers.MaxPooling2D) -> Described:
    padding = _padding(layer, layer.pool_size)
    return {"does": "max pooling", "size": layer.pool_size, "strides": layer.strides, "padding": padding}


def _relu_and_pooling(layer: ReLUMaxPooling2D) -> Described:
    odd = [side % 2 for side in layer.input.shape[1:3]]
    return {"does": "relu, then max pooling", "size": (2, 2), "strides": (2, 2), "padding": (0, odd[0], 0, odd[1])}


def _zero_padding(layer: layers.ZeroPadding2D) -> Described:
    return {"does": "zero padding", "padding": [pixels for axis in layer.padding for pixels in axis]}


def _scaling(layer: layers.Rescaling) -> Described:
    return {"does": "scale and shift", "scale": np.ravel(layer.scale).tolist(), "shift": np.ravel(layer.offset).tolist()}


def _normalization(layer: layers.BatchNormalization) -> Described:
    return {"does": "batch normalization", "epsilon": layer.epsilon}


def _relu(layer: layers.ReLU) -> Described:
    return {"does": "relu", "limit": layer.max_value}


def _activation(layer: layers.Activation) -> Described:
    return {"does": {"hard_silu": "hard swish", "hard_sigmoid": "hard sigmoid", "relu": "relu"}[layer.activation.__name__]}


def _reshape(layer: layers.Reshape) -> Described:
    return {"does": "reshape", "columns": layer.target_shape[-1]}


def _plain(does: str) -> Callable[[keras.Layer], Described]:
    return lambda _: {"does": does}


_KINDS: dict[str, Callable[[Any], Described]] = {
    "InputLayer": _plain("input"),
    "Rescaling": _scaling,
    "FastConv2D": _convolution,
    "Conv2D": _convolution,
    "DepthwiseConv2D": _depthwise,
    "ZeroPadding2D": _zero_padding,
    "BatchNormalization": _normalization,
    "ReLU": _relu,
    "Activation": _activation,
    "MaxPooling2D": _max_pooling,
    ReLUMaxPooling2D.__name__: _relu_and_pooling,
    L2Normalize.__name__: _plain("l2 normalization of the channels, scaled"),
    "GlobalAveragePooling2D": _plain("mean of all pixels"),
    "Add": _plain("sum"),
    "Multiply": _plain("product"),
    "Reshape": _reshape,
    Output.__name__: _plain("one after another"),
}
