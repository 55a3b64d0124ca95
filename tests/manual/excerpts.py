"""Functions that a page shows as they stand in a file, without annotations and documentation."""

import ast
from collections.abc import Iterator
from pathlib import Path


def not_as_in(code: str, source: Path) -> list[str]:
    """The names of the functions that are others in the file, or not there; raises ValueError if the code has none."""
    there = dict(_functions(source.read_text(encoding="utf-8")))
    shown = dict(_functions(code))
    if not shown:
        raise ValueError("no function is shown")
    return [name for name, text in shown.items() if there.get(name) != text]


def _functions(code: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef):
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
            node.returns = None
            node.body = node.body[ast.get_docstring(node) is not None :]
            yield node.name, ast.unparse(node)
