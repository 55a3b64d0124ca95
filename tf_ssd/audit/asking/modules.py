"""Where a module lies and which functions it has, without importing it or the packages around it."""

import ast
import pkgutil
import re
from collections import Counter
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from tf_ssd.audit.asking.roles import FUNCTIONS, misfit, role_of, suggestion
from tf_ssd.errors import AuditError

ELSEWHERE = re.compile(r"import \*|__getattr__|globals\(|setattr\(|exec\(")  # a module with these may have any name


def check_found(name: str) -> None:
    """Raise AuditError unless "package.module:function" names a module, in which the function can be, with parameters that fit.

    The message names the first part that is missing, and for a function those that fit. Of a module that is not written in plain
    Python, or that takes names from elsewhere, only importing it can tell.
    """
    path, _, function = name.partition(":")
    source = _source(_spec(path, name))
    if source is None or ELSEWHERE.search(source):
        return
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise AuditError(f"--impl {name}: {path} cannot be imported (SyntaxError: {error})") from error
    wanted = (function,) if function else FUNCTIONS
    bound, functions = _bound(tree), _functions(tree)
    if not set(wanted) & set(bound):
        fitting = [other for other, found in functions.items() if role_of(_required(found)) is not None]
        raise AuditError(f"--impl {name}: {path} has no function {' or '.join(wanted)}; {suggestion(path, fitting)}")
    if function in functions and bound[function] == 1 and not functions[function].decorator_list:
        required = _required(functions[function])
        if role_of(required) is None:
            raise AuditError(f"--impl {name}: {misfit(required)}")


def place(name: str) -> tuple[str, int] | None:
    """File, relative to the current folder if it lies there, and line of "package.module:function"; None if that is not known."""
    path, _, function = name.partition(":")
    spec = _spec(path, name)
    source = _source(spec)
    if source is None or spec.origin is None:
        return None
    functions, file = _functions(ast.parse(source)), Path(spec.origin)
    line = functions[function].lineno if function in functions else 1
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file), line


def _spec(path: str, name: str) -> ModuleSpec:
    if path.endswith(".py") or "/" in path:
        module = ".".join(part for part in Path(path).with_suffix("").parts if part not in (".", ".."))
        raise AuditError(f"--impl {name}: name the module, not its file, as {module}:function")
    package, *rest = path.split(".")
    if not package:
        raise AuditError(f"--impl {name}: name a module, as package.module:function")
    found, where = package, find_spec(package)
    for part in rest:
        folders = None if where is None else where.submodule_search_locations
        if folders is None:
            break
        found = f"{found}.{part}"
        where = _inside(list(folders), found)
    if where is None:
        raise AuditError(f"--impl {name}: there is no module {found}; is its folder the current one, or in PYTHONPATH?")
    return where


def _inside(folders: list[str], module: str) -> ModuleSpec | None:
    """A module, or else a folder without __init__.py, in one of the folders of its package."""
    finders = [pkgutil.get_importer(folder) for folder in folders]
    specs = [spec for finder in finders if finder is not None and (spec := finder.find_spec(module)) is not None]
    return next((spec for spec in specs if spec.loader is not None), specs[0] if specs else None)


def _source(spec: ModuleSpec) -> str | None:
    """The text of a module in plain Python, None for any other."""
    if not spec.has_location or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    try:
        return Path(spec.origin).read_text(encoding="utf-8", errors="replace")
    except OSError:  # which importing it will report
        return None


def _bound(tree: ast.Module) -> Counter[str]:
    """How often each name is defined, imported or set anywhere in a module."""
    names: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names[node.name] += 1
        elif isinstance(node, ast.alias):
            names[node.asname or node.name.split(".")[0]] += 1
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names[node.id] += 1
    return names


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Functions at the top of a module."""
    return {statement.name: statement for statement in tree.body if isinstance(statement, ast.FunctionDef)}


def _required(function: ast.FunctionDef) -> list[str]:
    """Names of the parameters without a default."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    keyword = [one for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None]
    return [one.arg for one in [*positional[: len(positional) - len(arguments.defaults)], *keyword]]
