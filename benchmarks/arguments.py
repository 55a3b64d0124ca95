"""Arguments of the benchmarks."""

import argparse
from pathlib import Path


def new_file(name: str) -> Path:
    """The path of a file that does not exist yet; argparse reports one that does."""
    path = Path(name)
    if path.exists() or path.is_symlink():
        raise argparse.ArgumentTypeError(f"{path} exists already; choose another name, nothing was overwritten")
    return path
