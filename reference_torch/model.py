"""VGG16 SSD300. Source: paper, figure 2 and section 3; pooling, dilation and padding of Caffe SSD."""

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

# A chain, in which each convolution reads the one before: (channels, kernel, stride, padding, dilation).
# fmt: off
CONVOLUTIONS = {
    "conv1_1": (64, 3, 1, 1, 1), "conv1_2": (64, 3, 1, 1, 1),
    "conv2_1": (128, 3, 1, 1, 1), "conv2_2": (128, 3, 1, 1, 1),
    "conv3_1": (256, 3, 1, 1, 1), "conv3_2": (256, 3, 1, 1, 1), "conv3_3": (256, 3, 1, 1, 1),
    "conv4_1": (512, 3, 1, 1, 1), "conv4_2": (512, 3, 1, 1, 1), "conv4_3": (512, 3, 1, 1, 1),
    "conv5_1": (512, 3, 1, 1, 1), "conv5_2": (512, 3, 1, 1, 1), "conv5_3": (512, 3, 1, 1, 1),
    "fc6": (1024, 3, 1, 6, 6), "fc7": (1024, 1, 1, 0, 1),
    "conv8_1": (256, 1, 1, 0, 1), "conv8_2": (512, 3, 2, 1, 1),
    "conv9_1": (128, 1, 1, 0, 1), "conv9_2": (256, 3, 2, 1, 1),
    "conv10_1": (128, 1, 1, 0, 1), "conv10_2": (256, 3, 1, 0, 1),
    "conv11_1": (128, 1, 1, 0, 1), "conv11_2": (256, 3, 1, 0, 1),
}
# fmt: on
SOURCES = ("conv4_3", "fc7", "conv8_2", "conv9_2", "conv10_2", "conv11_2")  # 38 19 10 5 3 1 cells a side


class SSD300(nn.Module):
    """The network. It lists its K = 8732 default boxes by source, row, column and box, and computes in its weights' dtype.

    num_classes: C, background included. width scales every channel count of the body. boxes_per_cell: one number for
    each of the six sources, else ValueError. The body is He-initialised, heads are near 0, biases 0.
    """

    mean: Tensor

    def __init__(self, num_classes: int = 21, *, width: float = 1.0, boxes_per_cell: tuple[int, ...] = (4, 6, 6, 6, 4, 4)) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.register_buffer("mean", torch.tensor([123.0, 117.0, 104.0])[:, None, None], persistent=False)
        channels = {name: max(1, round(row[0] * width)) for name, row in CONVOLUTIONS.items()}
        inputs = 3
        for name, (_, kernel, stride, padding, dilation) in CONVOLUTIONS.items():
            self._add(name, nn.Conv2d(inputs, channels[name], kernel, stride, padding, dilation))
            inputs = channels[name]
        for source, boxes in zip(SOURCES, boxes_per_cell, strict=True):
            self._add(f"offsets_{source}", nn.Conv2d(channels[source], boxes * 4, 3, padding=1), stddev=0.01)
            self._add(f"logits_{source}", nn.Conv2d(channels[source], boxes * num_classes, 3, padding=1), stddev=0.003)
        self.conv4_3_scale = nn.Parameter(torch.full((channels["conv4_3"],), 20.0))

    def _add(self, name: str, convolution: nn.Conv2d, *, stddev: float | None = None) -> None:
        weight, bias = convolution.parameters()
        nn.init.normal_(weight, std=stddev or (2 / weight[0].numel()) ** 0.5)  # He: the variance is 2 / inputs of one output
        nn.init.zeros_(bias)
        self.add_module(name, convolution)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """RGB pixels 0..255 (B, 3, 300, 300) -> {"offsets": (B, K, 4), "logits": (B, K, C)}, before any softmax."""
        x = pixels - self.mean
        features = {}
        for name in CONVOLUTIONS:
            features[name] = x = relu(getattr(self, name)(x))
            if name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3"):
                x = max_pool2d(x, 2, 2, ceil_mode=True)  # 300 -> 150 -> 75 -> 38 -> 19: only 75 is odd, and rounds up
            if name == "conv5_3":
                x = max_pool2d(x, 3, 1, padding=1)  # 19 -> 19
        features["conv4_3"] = l2_normalize(features["conv4_3"]) * self.conv4_3_scale[:, None, None]
        heads = {"offsets": 4, "logits": self.num_classes}
        return {head: torch.cat([self._head(head, features[s], s, n) for s in SOURCES], 1) for head, n in heads.items()}

    def _head(self, head: str, features: Tensor, source: str, numbers: int) -> Tensor:
        values = getattr(self, f"{head}_{source}")(features).permute(0, 2, 3, 1)  # [B,H,W,boxes*numbers]
        return values.reshape(len(values), -1, numbers)  # [B,H*W*boxes,numbers]: row, column, box


def l2_normalize(x: Tensor) -> Tensor:
    """Divide x (B, channels, H, W) by max(norm over channels, 1e-12), gradient finite at 0. Source: paper, 3.1."""
    squares = (x * x).sum(dim=1, keepdim=True)  # [B,1,H,W]
    return x / squares.clamp(min=1e-24).sqrt()  # limited before the root, whose slope at 0 is infinite
