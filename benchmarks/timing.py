"""Interleaved timing: machines drift, ratios of neighbouring runs do not."""

import statistics
import time
from collections.abc import Callable


def interleaved(candidates: dict[str, Callable[[], object]], *, repeats: int = 15, warmup: int = 2) -> dict[str, list[float]]:
    """Seconds of every repeat of every candidate, the candidates taking turns.

    The turn begins with another candidate each time, so that none always follows the one that leaves the caches coldest.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for repeat in range(warmup + repeats):
        first = repeat % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            candidates[name]()
            if repeat >= warmup:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(slower: list[float], faster: list[float]) -> str:
    """Median of the pairwise ratios slower / faster, with their range."""
    return summary(ratios(slower, faster))


def ratios(slower: list[float], faster: list[float]) -> list[float]:
    """Slower / faster, turn by turn."""
    return [a / b for a, b in zip(slower, faster, strict=True)]


def summary(values: list[float]) -> str:
    """Median of ratios, with their range."""
    return f"{statistics.median(values):.2f}x ({min(values):.2f}..{max(values):.2f})"
