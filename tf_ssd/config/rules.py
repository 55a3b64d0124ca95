"""How a setting is refused."""

from typing import Any

from tf_ssd.errors import ConfigError


def require(condition: bool, setting: str, value: Any, rule: str) -> None:
    """Raise ConfigError unless `condition` holds; the message names the setting, its value and the rule."""
    if not condition:
        raise ConfigError(f"{setting}={value!r}: {rule}")


def flag(name: str) -> str:
    """The command line's spelling of a setting."""
    return "--" + name.replace("_", "-")
