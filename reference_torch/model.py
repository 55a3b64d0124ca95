"""The networks: SSD on VGG16, VGG19, MobileNetV1 and V2, SSDLite on MobileNetV2 and V3.

Sources: SSD paper, figure 2, and Caffe SSD; TensorFlow's Object Detection API; torchvision's ssdlite320_mobilenet_v3_large.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from reference_torch import bodies
from reference_torch.default_boxes import LITE320, OD300, OD320, VOC300, VOC512, DefaultBoxesConfig, boxes_per_cell
from reference_torch.layers import Layers, Style, l2_normalize

# By name: channels between the two convolutions of an extra layer and after them; kernel, stride and padding of the second.
Extras = dict[str, tuple[int, int, int, int, int | None]]


def halving(padding: int | None) -> Extras:
    """The extra layers of MobileNets: 5, 3, 2 and 1 cells a side."""
    return {f"extra{n}": (c // 2, c, 3, 2, padding) for n, c in enumerate((512, 256, 256, 128), start=1)}


STRIDE_2, NO_PADDING = (128, 256, 3, 2, 1), (128, 256, 3, 1, 0)
EXTRAS300: Extras = {"conv8": (256, 512, 3, 2, 1), "conv9": STRIDE_2, "conv10": NO_PADDING, "conv11": NO_PADDING}
EXTRAS512: Extras = {**EXTRAS300, "conv10": STRIDE_2, "conv11": STRIDE_2, "conv12": (128, 256, 4, 1, 1)}
CAFFE = Style("relu")
TORCHVISION = Style("relu6", batch_norm=True, eps=1e-3, momentum=0.03, divisor=8)
OD_API = Style("relu6", same=True, batch_norm=True, eps=1e-3, momentum=1 - 0.9997, divisor=8)


@dataclass(frozen=True)
class Network:
    """What a network is made of.

    taps: layers of the body that are the first sources. mean, std: the body reads (RGB pixels - mean) / std. lite: depthwise and
    pointwise convolutions in extras and heads. head: kernel of the heads. stddevs: of their first weights, offsets and logits.
    """

    body: Callable[[Layers, Tensor], dict[str, Tensor]]
    taps: tuple[str, str]
    extras: Extras
    boxes: DefaultBoxesConfig
    style: Style = CAFFE
    mean: tuple[float, ...] = (123.0, 117.0, 104.0)
    std: float = 1.0
    l2_norm: bool = True
    lite: bool = False
    head: int = 3
    stddevs: tuple[float, float] = (0.01, 0.003)


SSD300 = Network(bodies.vgg, ("conv4_3", "fc7"), EXTRAS300, VOC300)
MOBILE = partial(Network, mean=(127.5, 127.5, 127.5), std=127.5, l2_norm=False, head=1, stddevs=(0.03, 0.03))
V3_TAPS = ("expanded_conv_12_expand", "conv_1")
LITE_V3 = MOBILE(bodies.mobilenet_v3_large, V3_TAPS, halving(1), LITE320, TORCHVISION, lite=True)
OD_V1 = MOBILE(bodies.mobilenet_v1, ("conv_pw_11", "conv_pw_13"), halving(None), OD300, OD_API)
OD_V2 = replace(OD_V1, body=bodies.mobilenet_v2, taps=("block_13_expand", "Conv_1"))
NETWORKS = {
    "ssd300_vgg16": SSD300,
    "ssd512_vgg16": replace(SSD300, extras=EXTRAS512, boxes=VOC512),
    "ssd300_vgg19": replace(SSD300, body=partial(bodies.vgg, depths=(2, 2, 4, 4, 4)), taps=("conv4_4", "fc7")),
    "ssdlite320_mobilenet_v3_large": replace(LITE_V3, body=partial(bodies.mobilenet_v3_large, c4=80)),
    "ssdlite320_mobilenet_v3_large_full_tail": LITE_V3,
    "ssd300_mobilenet_v1": OD_V1,
    "ssd300_mobilenet_v2": OD_V2,
    "ssdlite320_mobilenet_v2": replace(OD_V2, boxes=OD320, lite=True),
}


class SSD(Layers):
    """A network by its name. It lists its K default boxes by source, row, column and box, and computes in its weights' dtype.

    num_classes: C, background included. width scales every channel count but the heads'. batch_norm: None for the network's
    own. The body is He-initialised, heads are near 0, biases 0.
    """

    mean: Tensor

    def __init__(self, name: str, num_classes: int = 21, *, width: float = 1.0, batch_norm: bool | None = None) -> None:
        made_of = NETWORKS[name]
        normalised = made_of.style.batch_norm if batch_norm is None else batch_norm
        super().__init__(replace(made_of.style, width=width, batch_norm=normalised))
        self.made_of, self.num_classes = made_of, num_classes
        self.register_buffer("mean", torch.tensor(made_of.mean)[:, None, None], persistent=False)
        with torch.no_grad():  # makes the layers, and leaves the moving statistics alone
            self.eval()(torch.zeros(1, 3, made_of.boxes.image_size, made_of.boxes.image_size))
        self.train()

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """RGB pixels 0..255 (B, 3, S, S) -> {"offsets": (B, K, 4), "logits": (B, K, C)}, before softmax or sigmoid."""
        found = self.made_of.body(self, (pixels - self.mean) / self.made_of.std)
        sources = [found[tap] for tap in self.made_of.taps]
        for name in self.made_of.extras:
            sources.append(self._extra(name, sources[-1]))
        if self.made_of.l2_norm:
            sources[0] = self._normalised(sources[0])
        offsets, logits = [], []
        for i, (x, boxes) in enumerate(zip(sources, boxes_per_cell(self.made_of.boxes), strict=True)):
            offsets.append(self._head(f"offsets_{i}", x, boxes, 4, self.made_of.stddevs[0]))
            logits.append(self._head(f"logits_{i}", x, boxes, self.num_classes, self.made_of.stddevs[1]))
        return {"offsets": torch.cat(offsets, dim=1), "logits": torch.cat(logits, dim=1)}

    def _extra(self, name: str, x: Tensor) -> Tensor:
        squeezed, outputs, kernel, stride, padding = self.made_of.extras[name]
        x = self.convolve(f"{name}_1", x, squeezed, 1)
        if not self.made_of.lite:
            return self.convolve(f"{name}_2", x, outputs, kernel, stride, padding=padding)
        return self.convolve(f"{name}_2", self.depthwise(f"{name}_2_depthwise", x, kernel, stride, padding=padding), outputs, 1)

    def _normalised(self, x: Tensor) -> Tensor:
        if "scale" not in self._parameters:
            self.scale = nn.Parameter(torch.full((x.shape[1],), 20.0))
        return l2_normalize(x) * self.scale[:, None, None]

    def _head(self, name: str, x: Tensor, boxes: int, numbers: int, stddev: float) -> Tensor:
        x = self.depthwise(f"{name}_depthwise", x, 3) if self.made_of.lite else x
        values = self.bare(name, x, boxes * numbers, self.made_of.head, stddev=stddev).permute(0, 2, 3, 1)
        return values.reshape(len(values), -1, numbers)  # [B,H,W,boxes*numbers] -> [B,H*W*boxes,numbers]: row, column, box
