"""A factor on the loss that keeps float16 gradients from vanishing, as large as they allow."""

import tensorflow as tf

START, SMALLEST = 2.0**15, 1.0
PATIENCE = 2000  # steps without overflow, after which it is doubled


class LossScale(tf.Module):
    """Halved when a gradient overflows, doubled after many steps without (Micikevicius et al. 2018, Mixed Precision Training).

    The gradient is divided by it again before anything else sees it, so that it changes nothing but which numbers are lost to
    rounding. Powers of two, so that it adds no rounding of its own.
    """

    def __init__(self) -> None:
        super().__init__(name="loss_scale")
        self._scale = tf.Variable(START, trainable=False)
        self._good_steps = tf.Variable(0, dtype=tf.int64, trainable=False)

    @property
    def value(self) -> float:
        """The factor."""
        return float(self._scale)

    @property
    def can_fall(self) -> bool:
        """Whether an overflow may still be the scale's own fault."""
        return self.value > SMALLEST

    def update(self, *, overflow: bool) -> None:
        """Take notice of whether the last gradient overflowed."""
        if overflow:
            self._scale.assign(max(SMALLEST, self.value / 2))
        good_steps = 0 if overflow else int(self._good_steps) + 1
        if good_steps == PATIENCE:
            self._scale.assign(self.value * 2)
            good_steps = 0
        self._good_steps.assign(good_steps)
