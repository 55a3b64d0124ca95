"""All mutants of a module: one change each, by the operators of mutmut and two of our own.

Those of mutmut change a number, a comparison, an operator, a truth value, a word, an assignment, an argument, the default of a
parameter, and the condition of an expression. Ours swap two arguments or elements, and leave out a statement.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import libcst as cst
from mutmut.mutation.mutators import mutation_operators

# What changes nothing that runs, or only a message: types, imports, documentation, what is raised.
LEFT_ALONE = (cst.Annotation, cst.Import, cst.ImportFrom, cst.Raise, cst.Decorator, cst.TypeAlias)

TYPES = {"Callable", "Literal"}  # what a name of a type is made with
COMMUTATIVE = {"minimum", "maximum", "add", "multiply"}


class Mutant(NamedTuple):
    """One change of a module.

    Attributes:
        name: the function, and its lines as they were and as they are, with a number if there are several alike; it stays the same
            when other lines change.
        line: where the function, class or assignment begins, from 1.
        source: the whole module, changed.
    """

    name: str
    line: int
    source: str


def mutants(source: str, functions: Container[str] | None = None) -> Iterator[Mutant]:
    """All of them in the order of the lines, or those of some functions; none is the same as another, or has wrong syntax."""
    module = cst.parse_module(source)
    parts = [module.code_for_node(statement) for statement in module.body]
    before = source[: len(source) - len("".join(parts))]  # a comment at the top; nothing follows the last statement
    seen, alike = {source}, Counter[str]()
    for place, statement in enumerate(module.body):
        if functions is not None and _name(statement) not in functions:
            continue
        head, tail = before + "".join(parts[:place]), "".join(parts[place + 1 :])
        for node in _nodes(statement):
            for other in _changes(node):
                part = module.code_for_node(statement.deep_replace(node, other) if node is not statement else other)
                code = head + part + tail
                if code not in seen and _compiles(part):
                    seen.add(code)
                    label = f"{_name(statement)}: {_difference(parts[place], part)}"
                    alike[label] += 1
                    yield Mutant(label + (f" #{alike[label]}" if alike[label] > 1 else ""), head.count("\n") + 1, code)


def _nodes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and all below it that may be changed."""
    if isinstance(node, LEFT_ALONE) or (isinstance(node, cst.SimpleStatementLine) and _says_nothing(node.body[0])):
        return
    yield node
    for child in node.children:
        yield from _nodes(child)


def _says_nothing(statement: cst.BaseSmallStatement) -> bool:
    """Whether it is an import, what is raised, documentation, a type or its name, or `__all__`, which ruff checks."""
    if isinstance(statement, cst.Expr):
        return isinstance(statement.value, cst.SimpleString | cst.ConcatenatedString)
    if isinstance(statement, cst.Assign):
        target, value = statement.targets[0].target, statement.value
        made_with = value.value if isinstance(value, cst.Subscript) else None
        return _is_name(target, {"__all__"}) or _is_name(made_with, TYPES)
    return isinstance(statement, LEFT_ALONE) or (isinstance(statement, cst.AnnAssign) and statement.value is None)


def _is_name(node: cst.CSTNode | None, names: set[str]) -> bool:
    return isinstance(node, cst.Name) and node.value in names


def _changes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    operators: Iterable[Any] = mutation_operators
    for kind, operator in operators:
        if isinstance(node, kind):
            yield from operator(node)
    if isinstance(node, cst.Call | cst.List | cst.Tuple) and not _commutes(node):
        yield from _swapped(node)
    if isinstance(node, cst.SimpleStatementLine):
        yield node.with_changes(body=[cst.Pass()])


def _swapped(node: Any) -> Iterator[cst.CSTNode]:
    """Each two neighbours in place of one another."""
    name = "args" if isinstance(node, cst.Call) else "elements"
    items = list(getattr(node, name))
    for place, (first, second) in enumerate(pairwise(items)):
        if getattr(first, "keyword", None) is None and getattr(second, "keyword", None) is None:
            pair = first.with_changes(value=second.value), second.with_changes(value=first.value)
            yield node.with_changes(**{name: [*items[:place], *pair, *items[place + 2 :]]})


def _commutes(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in COMMUTATIVE


def _compiles(part: str) -> bool:
    """Whether one statement of a module has right syntax, on which no other statement has a say."""
    try:
        compile(part, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _name(statement: cst.CSTNode) -> str:
    return statement.name.value if isinstance(statement, cst.FunctionDef | cst.ClassDef) else "module"


def _difference(before: str, after: str) -> str:
    """The lines that differ, without spaces around them and comments after them."""
    ours, theirs = before.splitlines(), after.splitlines()
    start = next((k for k, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), 0)
    end = next((k for k, (a, b) in enumerate(zip(ours[::-1], theirs[::-1], strict=False)) if a != b), 0)
    both = (each[start : len(each) - end] for each in (ours, theirs))
    return " -> ".join(" ".join(line.split("  #")[0].strip() for line in lines) for lines in both)
