"""Where a module lies, without importing it or the packages around it."""

from importlib.machinery import PathFinder
from importlib.util import find_spec

from tf_ssd.errors import AuditError


def check_found(name: str) -> None:
    """Raise AuditError, which names the first part that is missing, unless "package.module:function" names a module."""
    package, *rest = name.partition(":")[0].split(".")
    if not package:
        raise AuditError(f"--impl {name}: name a module, as package.module:function")
    found, where = package, find_spec(package)
    for part in rest:
        folders = None if where is None else where.submodule_search_locations
        if folders is None:
            break
        found = f"{found}.{part}"
        where = PathFinder.find_spec(found, folders)
    if where is None:
        raise AuditError(f"--impl {name}: there is no module {found}; is its folder the current one, or in PYTHONPATH?")
