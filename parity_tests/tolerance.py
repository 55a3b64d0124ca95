"""How closely two implementations must agree: one table, each entry with its reason.

An entry is loosened only after the difference has been explained; the explanation goes into the entry or into DIVERGENCES.md.
"""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """|actual - expected| <= multiple * epsilon of the dtype * max(|expected|, scale); the scale is the caller's, 1 if not given.

    Attributes:
        float32: allowed multiple of float32's epsilon; 0 means equal.
        float64: allowed multiple of float64's epsilon.
        reason: why the implementations may differ at all.
        seen: the largest multiples seen in float32 and float64, where examples are drawn with --hypothesis-profile=deep; None where
            none were measured. Every run prints the multiples that it has seen at its end.
    """

    float32: float
    float64: float
    reason: str
    seen: tuple[float | None, float | None] = (None, None)

    def having_seen(self, float32: float | None, float64: float | None) -> "Tolerance":
        """The same tolerance with the largest multiples that one operation was seen to need."""
        return replace(self, seen=(float32, float64))

    def multiple(self, dtype: np.dtype) -> float:
        """How many units results computed in `dtype` may differ by."""
        return self.float64 if dtype == np.float64 else self.float32

    @staticmethod
    def unit(expected: np.ndarray, dtype: np.dtype, scale: float) -> np.ndarray:
        """One epsilon of `dtype` for each element, at the element's own magnitude or at `scale`, whichever is larger."""
        return np.finfo(dtype).eps * np.maximum(np.abs(expected), scale)


EXACT = Tolerance(0, 0, "integers, masks and copies: nothing is rounded")
ARITHMETIC = Tolerance(4, 4, "a handful of correctly rounded operations; compilers may fuse a product and a sum into one rounding")
CANCELLING = Tolerance(32, 32, "the slope of IoU for a box is a sum over its partners of quotients that nearly cancel one another")
TRANSCENDENTAL = Tolerance(8, 8, "exp and log are not correctly rounded: Eigen, XLA and SLEEF differ by a few units")
SUMS = Tolerance(64, 64, "the order of summation over K boxes differs; errors grow with the logarithm of their number")
NETWORK = Tolerance(
    64, 64, "23 to 60 convolutions, each a sum of up to 9216 products in another order; relative to the largest output"
)
WINOGRAD = Tolerance(
    8, 8, "sums of products of sums, in another order than sums of products; relative to the largest sum of magnitudes"
)
CLIPPING = Tolerance(8, 8, "a sum of squares in another order, its root and a quotient; relative to the size of the gradients")
STEPS = Tolerance(64, 64, "thirty steps, each rounding anew; relative to the largest weight before or after")

# Conversions and clips; the scale is 1, the image side.
TOLERANCES = {
    "boxes.to_cxcywh": ARITHMETIC.having_seen(0.50, 0),
    "boxes.to_xyxy": ARITHMETIC.having_seen(0.50, 0),
    "boxes.area": ARITHMETIC.having_seen(1.34, 0),
    "boxes.iou": ARITHMETIC.having_seen(2.7, 1.0),
    "boxes.clip": EXACT,
    "boxes.flip_horizontal": ARITHMETIC.having_seen(0.50, 0),
    "default_boxes.default_boxes": EXACT,
    "coder.encode": TRANSCENDENTAL.having_seen(2.49, 2.27),
    "coder.decode": TRANSCENDENTAL.having_seen(1.13, 1.02),
    "matcher.match": EXACT,
    "matcher.targets": TRANSCENDENTAL.having_seen(0.13, 0.13),
    "loss.smooth_l1": ARITHMETIC.having_seen(0.12, 0),
    "scores.probabilities": TRANSCENDENTAL.having_seen(1.00, 0.50),
    "scores.cross_entropy": TRANSCENDENTAL.having_seen(2.00, 2.00),
    "loss.hard_negative_mask": EXACT,
    "loss.multibox_loss": SUMS.having_seen(4.55, 3.96),
    "detect.detect": TRANSCENDENTAL.having_seen(1.00, 2.00),
    "model.ssd": NETWORK.having_seen(27, 36),
    "model.ssdlite320_mobilenet_v3_large": NETWORK.having_seen(11.3, 16.8),
    "model.imported_bodies": NETWORK.having_seen(43.2, None),
    "network.kernels.winograd.convolve": WINOGRAD.having_seen(2.05, 2.84),
    "network.kernels.pooling.relu_max_pool": EXACT,
    "optimizer.CaffeSGD": STEPS.having_seen(None, 10.5),
    "optimizer.clip_by_global_norm": CLIPPING.having_seen(None, 1.87),
    "optimizer.WeightAverage": STEPS.having_seen(None, 3.00),
}
