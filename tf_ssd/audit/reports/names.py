"""How reports call implementations."""

from collections.abc import Collection


def short_names(names: Collection[str]) -> dict[str, str]:
    """For each implementation the function with as many of its modules as tell it from the others: "losses:multibox"."""
    return {name: _shortest(name, [other for other in names if other != name]) for name in names}


def _shortest(name: str, others: Collection[str]) -> str:
    module, colon, function = name.rpartition(":")
    if not colon:
        return name
    parts = module.split(".")
    endings = [".".join(parts[-count:]) + ":" + function for count in range(1, len(parts) + 1)]
    return next((ending for ending in endings if not any(f".{other}".endswith(f".{ending}") for other in others)), name)
