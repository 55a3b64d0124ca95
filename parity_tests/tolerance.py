"""How closely two implementations must agree: one table, each entry with its reason.

An entry is loosened only after the difference has been explained; the explanation goes into the entry or into DIVERGENCES.md.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """|actual - expected| <= multiple * epsilon of the dtype * max(|expected|, scale); the scale is the caller's, 1 if not given.

    Attributes:
        float32: allowed multiple of float32's epsilon; 0 means equal.
        float64: allowed multiple of float64's epsilon.
        reason: why the implementations may differ at all.
    """

    float32: float
    float64: float
    reason: str

    def bound(self, expected: np.ndarray, dtype: np.dtype, scale: float) -> np.ndarray:
        """Largest allowed difference for each element, for results computed in `dtype` at magnitude `scale`."""
        epsilons = self.float64 if dtype == np.float64 else self.float32
        return epsilons * np.finfo(dtype).eps * np.maximum(np.abs(expected), scale)


EXACT = Tolerance(0, 0, "integers, masks and copies: nothing is rounded")
ARITHMETIC = Tolerance(4, 4, "a handful of correctly rounded operations; compilers may fuse a product and a sum into one rounding")
TRANSCENDENTAL = Tolerance(8, 8, "exp and log are not correctly rounded: Eigen, XLA and SLEEF differ by a few units")
SUMS = Tolerance(64, 64, "the order of summation over K boxes differs; errors grow with the logarithm of their number")

# Conversions and clips; the scale is 1, the image side.
TOLERANCES = {
    "boxes.to_cxcywh": ARITHMETIC,
    "boxes.to_xyxy": ARITHMETIC,
    "boxes.area": ARITHMETIC,
    "boxes.iou": ARITHMETIC,
    "boxes.clip": EXACT,
    "boxes.flip_horizontal": ARITHMETIC,
    "default_boxes.default_boxes": EXACT,
    "coder.encode": TRANSCENDENTAL,
    "coder.decode": TRANSCENDENTAL,
    "matcher.match": EXACT,
    "matcher.targets": TRANSCENDENTAL,
    "loss.smooth_l1": ARITHMETIC,
    "loss.softmax_cross_entropy": TRANSCENDENTAL,
    "loss.hard_negative_mask": EXACT,
    "loss.multibox_loss": SUMS,
    "detect.detect": TRANSCENDENTAL,
}
