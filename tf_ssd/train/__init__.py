"""Training runs."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m tf_ssd.train` with these arguments, None for those of the process; returns the exit code."""
    from tf_ssd.train.__main__ import main as command

    return command(arguments)
