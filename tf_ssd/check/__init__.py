"""What is wrong with a dataset, and how the default boxes suit it."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m tf_ssd.check` with these arguments, None for those of the process; returns the exit code."""
    from tf_ssd.check.__main__ import main as command

    return command(arguments)
