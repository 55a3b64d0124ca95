"""tf_ssd against torchvision's SSD300 in one run: python -m benchmarks.

A ratio above 1 means that tf_ssd is faster. Both do the same work with the same weights on as many threads, and take turns. The
input pipeline with photos of other sizes: python -m benchmarks.pipeline. How costs grow: python -m benchmarks.scaling. Each
kernel of the network by itself: python -m benchmarks.kernels. What a network learns from which start: python -m benchmarks.starts.
"""

import argparse
from collections.abc import Sequence

from benchmarks.arguments import new_file


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table of ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--only", default="", help="sections with this in their names, and not what starting costs")
    parser.add_argument("--json", type=new_file, help="write all ratios to this file")
    parser.add_argument("--peak", nargs=2, metavar=("SECTION", "CANDIDATE"), help="print the memory of one candidate, in MB")
    given = parser.parse_args(arguments)
    from benchmarks import comparison  # here, so that --help answers at once

    if given.peak:
        print(comparison.peak(*given.peak))
    else:
        comparison.compare(repeats=given.repeats, only=given.only, json_file=given.json)


if __name__ == "__main__":
    main()
