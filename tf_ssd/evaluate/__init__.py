"""Average precision of a model, or of detections in a file, over a dataset."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m tf_ssd.evaluate` with these arguments, None for those of the process; returns the exit code."""
    from tf_ssd.evaluate.__main__ import main as command

    return command(arguments)
