"""The bodies: from scaled pixels (B, 3, S, S) to the activations that may be sources, by the names of Caffe and of Keras."""

from torch import Tensor
from torch.nn.functional import max_pool2d, relu, relu6

from reference_torch.layers import Layers, Style


def vgg(net: Layers, x: Tensor, *, depths: tuple[int, ...] = (2, 2, 3, 3, 3)) -> dict[str, Tensor]:
    """Source: SSD paper, figure 2 and section 3; Simonyan and Zisserman 2014, table 1, for the convolutions of each block."""
    found = {}
    for block, (channels, depth) in enumerate(zip((64, 128, 256, 512, 512), depths, strict=True), start=1):
        for name in [f"conv{block}_{number}" for number in range(1, depth + 1)]:
            found[name] = x = net.convolve(name, x, channels, 3)
        # 300 -> 150 -> 75 -> 38 -> 19: only 75 is odd, and rounds up; the fifth pooling keeps the size
        x = max_pool2d(x, 2, 2, ceil_mode=True) if block < 5 else max_pool2d(x, 3, 1, padding=1)
    found["fc6"] = x = net.convolve("fc6", x, 1024, 3, dilation=6)
    found["fc7"] = net.convolve("fc7", x, 1024, 1)
    return found


def mobilenet_v1(net: Layers, x: Tensor) -> dict[str, Tensor]:
    """Source: Howard et al. 2017, table 1."""
    found = {"conv1": (x := net.convolve("conv1", x, 32, 3, 2))}
    for number, channels in enumerate((64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024), start=1):
        x = net.depthwise(f"conv_dw_{number}", x, 3, 2 if number in (2, 4, 6, 12) else 1)
        found[f"conv_pw_{number}"] = x = net.convolve(f"conv_pw_{number}", x, channels, 1)
    return found


def mobilenet_v2(net: Layers, x: Tensor) -> dict[str, Tensor]:
    """Source: Sandler et al. 2018, table 2: expansion, channels, blocks, and the stride of the first of them."""
    found = {"Conv1": (x := net.convolve("Conv1", x, 32, 3, 2))}
    table = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    inputs, block = 32, 0
    for expansion, outputs, blocks, first in table:
        for stride in (first, *(1,) * (blocks - 1)):
            name, before = f"block_{block}" if block else "expanded_conv", x
            if expansion > 1:
                found[f"{name}_expand"] = x = net.convolve(f"{name}_expand", x, expansion * inputs, 1)
            x = net.depthwise(f"{name}_depthwise", x, 3, stride)
            x = net.convolve(f"{name}_project", x, outputs, 1, activation="linear")
            if stride == 1 and inputs == outputs:
                found[f"{name}_add"] = x = before + x
            inputs, block = outputs, block + 1
    found["Conv_1"] = net.convolve("Conv_1", x, 1280, 1)
    return found


def mobilenet_v3_large(net: Layers, x: Tensor, *, c4: int = 160) -> dict[str, Tensor]:
    """Source: Howard et al. 2019, table 1: kernel, expanded and projected channels, squeeze and excitation, activation, stride.

    c4: channels of the last three blocks, halved for SSDLite (section 6.3 and torchvision's reduced tail).
    """
    found = {"conv": (x := net.convolve("conv", x, 16, 3, 2, activation="hardswish"))}
    # fmt: off
    table = (
        (3, 16, 16, False, "relu", 1), (3, 64, 24, False, "relu", 2), (3, 72, 24, False, "relu", 1),
        (5, 72, 40, True, "relu", 2), (5, 120, 40, True, "relu", 1), (5, 120, 40, True, "relu", 1),
        (3, 240, 80, False, "hardswish", 2), (3, 200, 80, False, "hardswish", 1),
        (3, 184, 80, False, "hardswish", 1), (3, 184, 80, False, "hardswish", 1),
        (3, 480, 112, True, "hardswish", 1), (3, 672, 112, True, "hardswish", 1),
        (5, 672, c4, True, "hardswish", 2), (5, 6 * c4, c4, True, "hardswish", 1), (5, 6 * c4, c4, True, "hardswish", 1),
    )
    # fmt: on
    inputs = 16
    for block, (kernel, expanded, outputs, squeezes, activation, stride) in enumerate(table):
        name, before = f"expanded_conv_{block}" if block else "expanded_conv", x
        if expanded != inputs:
            found[f"{name}_expand"] = x = net.convolve(f"{name}_expand", x, expanded, 1, activation=activation)
        x = net.depthwise(f"{name}_depthwise", x, kernel, stride, activation=activation)
        x = x * excitation(net, f"{name}_squeeze_excite", x) if squeezes else x
        x = net.convolve(f"{name}_project", x, outputs, 1, activation="linear")
        x = before + x if stride == 1 and inputs == outputs else x
        inputs = outputs
    found["conv_1"] = net.convolve("conv_1", x, 6 * c4, 1, activation="hardswish")
    return found


def excitation(net: Layers, name: str, x: Tensor) -> Tensor:
    """A factor (B, channels, 1, 1) for every channel, from the means of all. Source: Howard et al. 2019, sections 5.2 and 5.3."""
    means = x.mean(dim=(2, 3), keepdim=True)  # [B,channels,1,1]
    squeezed = relu(net.bare(f"{name}_conv", means, Style(divisor=8).channels(x.shape[1] / 4), 1))
    # Not torch's hardsigmoid, whose slope is 1 / 6 in float32 whatever the dtype.
    return relu6(net.bare(f"{name}_conv_1", squeezed, x.shape[1], 1) + 3) / 6
