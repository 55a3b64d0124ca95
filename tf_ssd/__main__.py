"""List the commands: python -m tf_ssd."""

import ast
import sys
from collections.abc import Sequence
from pathlib import Path

USER_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the name of each command and what it does; returns the exit code, 2 if anything else was asked for."""
    found = commands()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] not in ("-h", "--help"):
        rest = " ".join(given) if given[0] in found else "COMMAND"
        print(f"error: write python -m tf_ssd.{rest}; commands are {', '.join(found)}", file=sys.stderr)
        return USER_ERROR
    for name, summary in found.items():
        print(f"python -m tf_ssd.{name:<10} {summary}")
    print("\nEach has --help.")
    return 0


def commands() -> dict[str, str]:
    """Every folder that can be run, and the first line of its documentation, which is read without importing anything."""
    files = sorted(Path(__file__).parent.glob("*/__main__.py"))
    documentation = {path.parent.name: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in files}
    return {name: text.splitlines()[0] for name, text in documentation.items()}


if __name__ == "__main__":
    sys.exit(main())
