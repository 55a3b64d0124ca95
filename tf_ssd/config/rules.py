"""How a setting is refused."""

import os
import re
from operator import index
from pathlib import Path
from typing import Any, get_args

from tf_ssd.errors import ConfigError


def require(condition: bool, setting: str, value: Any, rule: str) -> None:
    """Raise ConfigError unless `condition` holds; the message names the setting, its value and the rule."""
    if not condition:
        raise ConfigError(f"{setting}={value!r}: {rule}")


DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def seconds_in(setting: str, text: str) -> int:
    """The seconds in a duration such as 90s, 30m, 1h30m or 2d; raises ConfigError unless there is at least one."""
    found = DURATION.fullmatch(text)
    days, hours, minutes, seconds = (int(part or 0) for part in (found.groups() if found else "0000"))
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    require(total > 0, setting, text, "write a duration such as 90s, 30m, 1h30m or 2d")
    return total


def require_word(value: Any, setting: str, words: Any) -> None:
    """Raise ConfigError unless `value` is one of the words of a Literal."""
    require(value in get_args(words), setting, value, f"must be one of {', '.join(get_args(words))}")


def whole_number(value: Any, setting: str) -> int:
    """The number as an int, NumPy's too; raises ConfigError if it is none, as 3.0 is."""
    try:
        return index(value)
    except TypeError:
        raise ConfigError(f"{setting}={value!r}: must be a whole number") from None


def flag(name: str) -> str:
    """The command line's spelling of a setting."""
    return "--" + name.replace("_", "-")


def require_seed(seed: int) -> None:
    """Raise ConfigError unless Keras and NumPy take `seed`."""
    require(0 <= seed < 2**32, "--seed", seed, f"must be from 0 to {2**32 - 1}")


def require_share(balance: float | None) -> None:
    """Raise ConfigError unless `--balance` is given a share."""
    require(balance is None or 0 < balance <= 1, "--balance", balance, "must be above 0, up to 1: a share of the images")


def require_new(config: Any, **suffixes: str) -> None:
    """Raise ConfigError unless each output of `config` is None or a new file, by settings' names and the suffixes they must have.

    This is the rule of every command that writes files: what exists already is left alone, and no two outputs are one file.
    """
    flags: dict[str, str] = {}
    for name, suffix in suffixes.items():
        path: Path | None = getattr(config, name)
        if path is None:
            continue
        require(path.suffix == suffix or not suffix, flag(name), str(path), f"must end in {suffix}")
        require(path.parent.is_dir(), flag(name), str(path), f"there is no folder {path.parent}; make it first")
        no_access = f"nothing can be written in {path.parent}; choose another folder"
        require(os.access(path.parent, os.W_OK), flag(name), str(path), no_access)
        require(not os.path.lexists(path), flag(name), str(path), "exists already; choose another name, nothing was overwritten")
        first = flags.setdefault(str(path.resolve()).casefold(), flag(name))
        require(first == flag(name), flag(name), str(path), f"is the file of {first} as well; choose another name")
