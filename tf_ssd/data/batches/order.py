"""The order of training: endless, and each epoch a permutation of the records."""

import hashlib
from functools import lru_cache
from threading import Lock

import numpy as np

KEPT_EPOCHS = 2  # a batch may begin in one epoch and end in the next


class TrainingOrder:
    """Which record stands at each position, a function of size, seed, factors and position alone.

    The permutations of the epochs asked for last are kept, 8 bytes for each record. Others are drawn again, in 2 ms for the 118,287
    images of COCO. May be asked from several threads.

    Args:
        size: number of records.
        seed: any integer from 0.
        factors: (size,), at least 1, how often each record comes in an epoch on average (`balance.Balance.images`): the whole
            number above or below, drawn anew for each epoch. None for once.
    """

    def __init__(self, *, size: int, seed: int, factors: np.ndarray | None = None) -> None:
        self._size, self._seed, self._factors = size, seed, factors
        self._length = size if factors is None else int(np.ceil(factors.sum()))
        self._epoch = lru_cache(maxsize=KEPT_EPOCHS)(self._drawn)
        self._asking = Lock()

    def __len__(self) -> int:
        """Positions of an epoch."""
        return self._length

    def __getitem__(self, position: int) -> int:
        """The record at a position from 0 on."""
        epoch, offset = divmod(position, self._length)
        with self._asking:  # threads that reach an epoch together wait for one of them to draw it
            return int(self._epoch(epoch)[offset])

    def fingerprint(self) -> str:
        """A digest of the first epoch: another one if this module or NumPy draws orders in another way."""
        return hashlib.sha256(self._drawn(0).tobytes()).hexdigest()

    def _drawn(self, epoch: int) -> np.ndarray:
        random = np.random.default_rng([self._seed, epoch])
        order = random.permutation(self._size)
        if self._factors is None:
            return order
        return random.permutation(self._repeated(order, self._factors[order], random.random()))

    def _repeated(self, order: np.ndarray, factors: np.ndarray, start: float) -> np.ndarray:
        """Records in an order, each as often as its factor says (systematic sampling).

        The records lie side by side on a line, each as long as its factor. They are stretched a little, so that the line is as long
        as the epoch. At `start`, from 0 up to 1, and then at every step of 1, the record that lies there is taken.
        """
        ends = np.cumsum(factors) * (self._length / factors.sum())
        ends[-1] = self._length
        return np.repeat(order, np.diff(np.ceil(ends - start).astype(np.int64), prepend=0))
