"""The layers of VGG networks, in the order in which all publishers list them."""

from itertools import accumulate

from tf_ssd.config.network import VGG16_300, Base
from tf_ssd.network.backbones import LAYERS
from tf_ssd.network.backbones.vgg import CONVOLUTIONS

EXTRAS = tuple(f"{extra.name}_{number}" for extra in VGG16_300.extras for number in (1, 2))


def layers(base: Base) -> tuple[str, ...]:
    """The convolutions of the five blocks."""
    return tuple(layer for block in LAYERS[base].values() for layer in block)


def keras_name(layer: str) -> str:
    """What Keras Applications calls one of them: block1_conv2 for conv1_2."""
    return layer.replace("conv", "block").replace("_", "_conv")


def positions(base: Base) -> tuple[int, ...]:
    """Where they are if the network is a list of convolutions, ReLU and pooling, as in PyTorch."""
    # A convolution and its ReLU take two places; the pooling behind each block takes one.
    starts = accumulate((2 * count + 1 for count in CONVOLUTIONS[base]), initial=0)
    return tuple(start + 2 * number for start, count in zip(starts, CONVOLUTIONS[base], strict=False) for number in range(count))
