"""The constants, the options and the calls of the contract, read off the code."""

import ast
import dataclasses
import importlib
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import tf_ssd
from parity_tests.pins import Pin

PACKAGE = Path(tf_ssd.__file__).parent
# Where the contract's operations and constants stand.
MODULES = (
    *("boxes", "default_boxes", "coder", "matcher", "scores", "loss", "detect", "model"),
    *("config.boxes", "config.network", "config.networks"),
    *("network.layers", "network.convolution", "network.heads", "network.extras", "network.backbones.vgg"),
    *("network.backbones.mobilenet_v1", "network.backbones.mobilenet_v2", "network.backbones.mobilenet_v3"),
    *("network.kernels.parts", "network.kernels.pooling", "network.kernels.winograd"),
    *("optimizer.average", "optimizer.caffe", "optimizer.clipping", "optimizer.rates", "optimizer.schedules"),
    *("train.trainer.scale", "train.trainer.step", "train.trainer.sums", "train.trainer.trainer"),
)
CHOICE = "suits"  # a function of this name says which kernel is faster, and changes no result


class Call(NamedTuple):
    """Where an operation is called with options: `module` and `caller` of it below `tf_ssd`, the lines, and what is given."""

    module: str
    caller: str
    lines: range
    operation: str
    given: frozenset[str]

    def __str__(self) -> str:
        return f"{self.module}:{self.lines[0]} {self.operation}"


def module_of(name: str) -> Any:
    return importlib.import_module(f"tf_ssd.{name}")


def constants() -> dict[Pin, Any]:
    """Every constant that one of the contract's modules defines."""
    found = {}
    for module in MODULES:
        defined = defined_in(module)
        for name, value in vars(module_of(module)).items():
            if name.isupper() and not name.startswith("_") and not callable(value) and name in defined:
                found[Pin(module, name)] = value
    return found


@cache
def defined_in(module: str) -> set[str]:
    """The names that are assigned to at the top of a module, and not imported."""
    lines = ast.parse(inspect.getsource(module_of(module))).body
    assigned = [node for line in lines if isinstance(line, ast.Assign | ast.AnnAssign) for node in ast.walk(line)]
    return {node.id for node in assigned if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def operations() -> dict[str, Any]:
    """Every public function and class of the contract's modules that has an option, by its name below `tf_ssd`."""
    found = {}
    for module in MODULES:
        for name, value in vars(module_of(module)).items():
            own = getattr(value, "__module__", None) == f"tf_ssd.{module}" and not name.startswith("_") and name != CHOICE
            if own and callable(value) and parameters(value):
                found[f"{module}.{name}"] = value
    return found


def function_of(operation: Any) -> Callable[..., Any]:
    """What runs when it is called: of a class, `__init__`."""
    return vars(operation)["__init__"] if inspect.isclass(operation) else operation


@cache
def parameters(operation: Any) -> dict[str, inspect.Parameter]:
    """Its options: what is keyword-only or has a default, and every field of a dataclass; none of a tuple's."""
    if not inspect.isroutine(operation) and (not inspect.isclass(operation) or "__init__" not in vars(operation)):
        return {}
    every = dataclasses.is_dataclass(operation)
    listed = inspect.signature(function_of(operation)).parameters.values()
    named = [p for p in listed if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return {p.name: p for p in named if every or p.kind == p.KEYWORD_ONLY or p.default is not p.empty}


def options() -> list[Pin]:
    return [Pin(name, option) for name, operation in operations().items() for option in parameters(operation)]


def options_of(call: Call) -> set[str]:
    """Every option of what is called."""
    return set(parameters(operations()[call.operation]))


def calls() -> Iterator[Call]:
    """Every place in `tf_ssd` where one of the operations is called."""
    names = {id(operation): name for name, operation in operations().items() if not dataclasses.is_dataclass(operation)}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        text = path.read_text()
        if "import" in text and path.name != "__main__.py":
            yield from _calls_in(ast.parse(text), module, names)


def _calls_in(tree: ast.Module, module: str, names: dict[int, str]) -> Iterator[Call]:
    def visit(node: ast.AST, caller: str) -> Iterator[Call]:
        for child in ast.iter_child_nodes(node):
            inside = caller
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inside = f"{caller}.{child.name}"
            elif isinstance(child, ast.Call) and (operation := names.get(id(_named(child.func, module)))):
                given = frozenset(_given(child, operations()[operation]))
                yield Call(module, caller, range(child.lineno, (child.end_lineno or child.lineno) + 1), operation, given)
            yield from visit(child, inside)

    return visit(tree, module)


def _named(expression: ast.expr, module: str) -> Any:
    """What `name` or `module.name` stands for in a module, None if neither."""
    if isinstance(expression, ast.Name):
        return getattr(module_of(module), expression.id, None)
    if isinstance(expression, ast.Attribute) and isinstance(expression.value, ast.Name):
        return getattr(getattr(module_of(module), expression.value.id, None), expression.attr, None)
    return None


def _given(call: ast.Call, operation: Any) -> Iterator[str]:
    """The options that a call names; `**settings` hands on all of them."""
    if any(keyword.arg is None for keyword in call.keywords):
        yield from parameters(operation)
    listed = [name for name in inspect.signature(function_of(operation)).parameters if name != "self"]
    yield from (name for name in listed[: len(call.args)] if name in parameters(operation))
    yield from (keyword.arg for keyword in call.keywords if keyword.arg in parameters(operation))
