"""The order of training: each epoch is a permutation of the records, computed by index arithmetic, without a table."""

ROUNDS = 6
FEWEST_HALF_BITS = 3
WORD = 2**64 - 1


def shuffled_index(position: int, *, size: int, seed: int) -> int:
    """The record at a position of the endless training order, in which each epoch is a permutation keyed by (seed, epoch)."""
    epoch, offset = divmod(position, size)
    return permuted(offset, size=size, key=_mix(_mix(seed) + epoch))


def permuted(index: int, *, size: int, key: int) -> int:
    """Where a permutation of 0..size-1, one for each key, takes `index`: constant time, no memory.

    A Feistel network permutes the numbers of an even number of bits; one that lands beyond `size` is put through it again until
    it does not (cycle walking: Black and Rogaway 2002, Ciphers with Arbitrary Finite Domains), less than four times on average
    for sizes from 17 on.
    """
    half_bits = max(FEWEST_HALF_BITS, ((size - 1).bit_length() + 1) // 2)
    keys = [_mix(key + number) for number in range(ROUNDS)]
    index = _feistel(index, keys, half_bits)
    while index >= size:
        index = _feistel(index, keys, half_bits)
    return index


def _feistel(value: int, keys: list[int], half_bits: int) -> int:
    mask = (1 << half_bits) - 1
    left, right = value >> half_bits, value & mask
    for key in keys:
        left, right = right, left ^ (_mix(key + right) & mask)
    return left << half_bits | right


def _mix(value: int) -> int:
    """A 64-bit integer whose every bit depends on all bits of `value` (the finaliser of SplitMix64)."""
    value = (value + 0x9E3779B97F4A7C15) & WORD
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & WORD
    value = (value ^ value >> 27) * 0x94D049BB133111EB & WORD
    return value ^ value >> 31
