"""The house as it is: the modules of a package, and what each of them imports."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def modules(package: str) -> dict[str, Path]:
    """Dotted names, without the package, of all its modules."""
    paths = {".".join(path.relative_to(ROOT / package).with_suffix("").parts): path for path in (ROOT / package).rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in paths.items() if name != "__init__"}


def imported(path: Path) -> set[str]:
    """Every dotted name that a file imports, wherever the statement stands; those of tf_ssd without "tf_ssd."."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("tf_ssd.") for name in names}


def rooms(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


IMPORTS = {name: imported(path) for name, path in modules("tf_ssd").items()}


def imported_by(room: str) -> set[str]:
    """What stands before the first dot of all that the modules of a room import."""
    return rooms(set().union(*(names for name, names in IMPORTS.items() if name.split(".")[0] == room)))
