"""A factor on the loss that keeps float16 gradients from vanishing: as large as possible without overflow."""

import tensorflow as tf

START, SMALLEST = 2.0**15, 1.0
PATIENCE = 2000  # steps without overflow, after which the factor is doubled


class LossScale(tf.Module):
    """A factor that is halved when a gradient overflows, and doubled after many steps without overflow.

    The gradient is divided by the factor again before anything else sees it, so that the factor only decides which numbers are lost
    to rounding. It is a power of two, so that it adds no rounding of its own.

    Source: Micikevicius et al. 2018, Mixed Precision Training.
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
        """Whether the factor can be halved again, so that a smaller one may prevent an overflow."""
        return self.value > SMALLEST

    def update(self, *, overflow: bool) -> None:
        """Choose the factor for the next step, given whether the last gradient overflowed."""
        if overflow:
            self._scale.assign(max(SMALLEST, self.value / 2))
        good_steps = 0 if overflow else int(self._good_steps) + 1
        if good_steps == PATIENCE:
            self._scale.assign(self.value * 2)
            good_steps = 0
        self._good_steps.assign(good_steps)
