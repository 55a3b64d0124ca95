"""List the commands, or run one: python -m tf_ssd, or tf-ssd."""

import ast
import importlib
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from tf_ssd import __version__
from tf_ssd.cli import USER_ERROR, in_words_of_the_user


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the first word names with what stands after it, or list the commands; returns the exit code."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    found = commands()
    if name in found:
        return importlib.import_module(f"tf_ssd.{name}").main(rest)
    if name == "--version":
        print(__version__)
        return 0
    if name not in ("-h", "--help"):
        near = get_close_matches(name, found, n=1)
        hint = f"did you mean {near[0]}?" if near else f"commands are {', '.join(found)}"
        print(f"error: {name or repr(name)}: there is no such command; {hint}", file=sys.stderr)
        return USER_ERROR
    for command, summary in found.items():
        print(f"{in_words_of_the_user(f'python -m tf_ssd.{command}'):<26} {summary}")
    print("\nEach has --help.")
    return 0


def commands() -> dict[str, str]:
    """Every folder that can be run, and the first line of its documentation, which is read without importing anything."""
    files = sorted(Path(__file__).parent.glob("*/__main__.py"))
    documentation = {path.parent.name: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in files}
    return {name: text.splitlines()[0] for name, text in documentation.items()}


if __name__ == "__main__":
    sys.exit(main())
