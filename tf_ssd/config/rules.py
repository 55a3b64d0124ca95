"""How a setting is refused."""

from pathlib import Path
from typing import Any

from tf_ssd.errors import ConfigError


def require(condition: bool, setting: str, value: Any, rule: str) -> None:
    """Raise ConfigError unless `condition` holds; the message names the setting, its value and the rule."""
    if not condition:
        raise ConfigError(f"{setting}={value!r}: {rule}")


def flag(name: str) -> str:
    """The command line's spelling of a setting."""
    return "--" + name.replace("_", "-")


def require_seed(seed: int) -> None:
    """Raise ConfigError unless Keras and NumPy take `seed`."""
    require(0 <= seed < 2**32, "--seed", seed, f"must be from 0 to {2**32 - 1}")


def require_new(setting: str, path: Path | None, suffix: str) -> None:
    """Raise ConfigError unless `path` is None, or the name of something new that ends in `suffix` and can be made there."""
    if path is not None:
        require(path.suffix == suffix or not suffix, setting, str(path), f"must end in {suffix}")
        require(path.parent.is_dir(), setting, str(path), f"there is no folder {path.parent}; make it first")
        require(not path.exists(), setting, str(path), "exists already; choose another name, nothing was overwritten")
