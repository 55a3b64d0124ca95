"""Many short texts in little memory: a Python string costs 50 bytes before its first letter."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Strings(Protocol):
    """A fixed sequence of strings, held or made when one is asked for."""

    def __len__(self) -> int:
        """Number of strings."""

    def __getitem__(self, index: int) -> str:
        """String `index`; raises IndexError outside 0..len-1."""


class PackedStrings:
    """A fixed sequence of strings, held as one run of bytes and an int64 offset for each.

    Any Python string comes back as it was, also a file name that is not Unicode.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
        self._bytes = b"".join(encoded)
        self._ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))  # (N,)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(f"string {index} of {len(self)}")
        start = self._ends[index - 1] if index else 0
        return self._bytes[start : self._ends[index]].decode("utf-8", "surrogatepass")
