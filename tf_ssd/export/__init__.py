"""Models for other runtimes, and the proof that they detect the same."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m tf_ssd.export` with these arguments, None for those of the process; returns the exit code."""
    from tf_ssd.export.__main__ import main as command

    return command(arguments)
