"""The audit of a MultiBox loss: edge cases, ways to ask an implementation, and reports."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m tf_ssd.audit` with these arguments, None for those of the process; returns the exit code."""
    from tf_ssd.audit.__main__ import main as command

    return command(arguments)
