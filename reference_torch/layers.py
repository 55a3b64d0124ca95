"""What the networks are made of: convolution, batch normalisation, activation; and L2 normalisation."""

from dataclasses import dataclass
from math import ceil
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import hardswish, pad, relu, relu6

ACTIVATIONS = {"relu": relu, "relu6": relu6, "hardswish": hardswish, "linear": lambda x: x}


@dataclass(frozen=True)
class Style:
    """What all convolutions of a network have in common.

    activation: where none is named. same: see `pad_same`; else padding is equal on all sides. eps, momentum: of batch
    normalisation as torch means them. width: factor on every number of channels. divisor: what these are multiples of.
    """

    activation: str = "relu"
    same: bool = False
    batch_norm: bool = False
    eps: float = 1e-3
    momentum: float = 0.01
    width: float = 1.0
    divisor: int = 1

    def channels(self, full: float) -> int:
        """How many of `full` channels a layer has; of multiples the nearest, at most a tenth below."""
        wanted = full * self.width
        if self.divisor == 1:
            return max(1, round(wanted))
        nearest = max(self.divisor, int(wanted + self.divisor / 2) // self.divisor * self.divisor)
        return nearest + self.divisor if nearest < 0.9 * wanted else nearest


def pad_same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's "SAME": for ceil(size / stride) results; of an odd number of pixels to add, one more right and below."""
    added = [max(0, (ceil(size / stride) - 1) * stride + kernel - size) for size in (x.shape[3], x.shape[2])]  # width first
    return pad(x, [side for total in added for side in (total // 2, total - total // 2)])


class Layers(nn.Module):
    """Convolutions by name, made when the first image comes to them; all take and give (B, channels, H, W)."""

    def __init__(self, style: Style) -> None:
        super().__init__()
        self.style = style

    def convolve(
        self,
        name: str,
        x: Tensor,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        padding: int | None = None,
        dilation: int = 1,
        depthwise: bool = False,
        activation: str | None = None,
    ) -> Tensor:
        """Convolution to `outputs` channels times the width, batch normalisation `<name>_bn` if there is any, activation.

        padding: None for what keeps the size at a stride of 1. depthwise: as many outputs as inputs, each of one of them.
        """
        style, inputs = self.style, x.shape[1]
        if style.same and padding is None:
            x, padding = pad_same(x, kernel, stride), 0
        if name not in self._modules:
            channels, groups = (inputs, inputs) if depthwise else (style.channels(outputs), 1)
            around = dilation * (kernel // 2) if padding is None else padding
            made = nn.Conv2d(inputs, channels, kernel, stride, around, dilation, groups, bias=not style.batch_norm)
            self.add_module(name, initialised(made))
            if style.batch_norm:
                self.add_module(f"{name}_bn", nn.BatchNorm2d(channels, style.eps, style.momentum).train(self.training))
        x = getattr(self, name)(x)
        x = getattr(self, f"{name}_bn")(x) if style.batch_norm else x
        return ACTIVATIONS[activation or style.activation](x)

    def depthwise(self, name: str, x: Tensor, kernel: int, stride: int = 1, **settings: Any) -> Tensor:
        """`convolve` of each channel by itself."""
        return self.convolve(name, x, 0, kernel, stride, depthwise=True, **settings)

    def bare(self, name: str, x: Tensor, outputs: int, kernel: int, *, stddev: float | None = None) -> Tensor:
        """A convolution to just so many outputs, with a bias, alone."""
        if name not in self._modules:
            self.add_module(name, initialised(nn.Conv2d(x.shape[1], outputs, kernel, padding=kernel // 2), stddev=stddev))
        return getattr(self, name)(x)


def initialised(convolution: nn.Conv2d, *, stddev: float | None = None) -> nn.Conv2d:
    """Draw the weights, by He's rule if no standard deviation is given: the variance is 2 / inputs of one output. Biases: 0."""
    nn.init.normal_(convolution.weight, std=stddev or (2 / convolution.weight[0].numel()) ** 0.5)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution


def l2_normalize(x: Tensor) -> Tensor:
    """Divide x (B, channels, H, W) by max(norm over channels, 1e-12), gradient finite at 0. Source: paper, 3.1."""
    squares = (x * x).sum(dim=1, keepdim=True)  # [B,1,H,W]
    return x / squares.clamp(min=1e-24).sqrt()  # limited before the root, whose slope at 0 is infinite
