"""From a command line to settings, and a sentence on what is wrong with it."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from difflib import get_close_matches
from io import StringIO
from itertools import pairwise
from typing import TypeVar

import tyro

from tf_ssd.cli.options import KINDS, MANY, Option, options_of
from tf_ssd.errors import ConfigError
from tf_ssd.system.words import nearest

Config = TypeVar("Config")
NUMBERS = {"INT": int, "FLOAT": float}
FLAG = re.compile(r"--?[a-zA-Z]")
NOTHING = "nothing stands after it; give it a value, or leave it out"


def parsed(config_type: type[Config], arguments: Sequence[str], program: str) -> Config:
    """The settings of a command line.

    Raises:
        ConfigError: the command line is wrong, or nothing stands where a value must, as where a variable of the shell is not set.
        SystemExit: the command line is wrong in another way, which has been said.
    """
    for before, word in pairwise(("", *arguments)):
        name, equals, value = word.partition("=")
        if not word or (word.startswith("--") and equals and not value):
            flag = name or before
            what = f"{flag}: what stands after it is empty" if flag.startswith("--") else "an argument is empty"
            raise ConfigError(f"{what} (is a variable of the shell not set?); give it a value, or leave it out")
    options = list(options_of(config_type))
    said = StringIO()
    try:
        with redirect_stderr(said):
            config = tyro.cli(config_type, prog=program, args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    except SystemExit as stop:
        mistake = next(_mistakes(options, arguments, program), None)
        if stop.code and mistake:
            raise ConfigError(mistake) from None
        print(said.getvalue(), end="", file=sys.stderr)
        raise
    _refuse_empty_lists(options, config, arguments)
    return config


def _refuse_empty_lists(options: Sequence[Option], config: object, arguments: Sequence[str]) -> None:
    """Raise ConfigError where a list is given and empty; where the default is None, an empty one is a value."""
    flags = {flag for flag, _ in _by_flag(arguments)}
    for option in options:
        is_list = option.values.endswith(MANY) and option.default is not None
        if is_list and option.flag in flags and getattr(config, option.setting) == ():
            raise ConfigError(f"{option.flag}: {NOTHING}")


def _mistakes(options: Sequence[Option], arguments: Sequence[str], program: str) -> Iterator[str]:
    """What is wrong with a command line that is known to be wrong, the plainest first."""
    known = {option.flag: option for option in options if not option.is_positional}
    given = list(_by_flag(arguments))
    flags = [flag for flag, _ in given if flag]
    listed = f"{program} --help lists them"
    for flag in flags:
        if flag not in known:
            near = get_close_matches(flag.lstrip("-"), [name.removeprefix("--") for name in known], n=1)
            yield f"{flag}: there is no such option; {f'did you mean --{near[0]}?' if near else listed}"
    for flag, words in given:
        if flag:
            yield from _wrong_values(known[flag], words)
    by_place = [word for flag, words in given for word in (words[known[flag].most :] if flag else words)]
    places = [option for option in options if option.is_positional]
    there = {*flags, *(option.flag for option, _ in zip(places, by_place, strict=False))}
    if missing := [option for option in options if option.is_required and option.flag not in there]:
        needed = ", ".join(option.written for option in missing)
        yield f"{needed}: must be given; {program} --help says what {'it is' if len(missing) == 1 else 'they are'}"
    if stray := by_place[sum(option.most for option in places) :]:
        yield f"{' '.join(stray)}: belongs to no option; {listed}"


def _by_flag(arguments: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each flag, as the help writes it, and the words after it; first those before any flag, after an empty one."""
    flag, words = "", list[str]()
    for word in arguments:
        if FLAG.match(word):
            yield flag, words
            flag, equals, value = word.partition("=")
            flag, words = flag.replace("_", "-"), [value] * bool(equals)
        else:
            words.append(word)
    yield flag, words


def _wrong_values(option: Option, words: list[str]) -> Iterator[str]:
    """What is wrong with the words after a flag, of which those beyond its own are another's."""
    if option.most and not words:
        yield f"{option.flag}: {NOTHING}"
    if 0 < len(words) < option.most < sys.maxsize:
        yield f"{option.flag} {' '.join(words)}: takes {option.most} values, {option.values}"
    kinds = option.values.split(" ")[0].split("|")
    for word in words[: option.most]:
        if not any(_suits(word, kind) for kind in kinds):
            question = nearest(word, option.choices)
            yield f"{option.flag} {word}: must be {' or '.join(map(_rule, kinds))}{question and f'; {question}'}"


def _suits(word: str, kind: str) -> bool:
    if kind not in NUMBERS:
        return kind in KINDS.values() or word in _words(kind)
    try:
        NUMBERS[kind](word)
    except ValueError:
        return False
    return True


def _rule(kind: str) -> str:
    """A kind of values in words."""
    words = _words(kind)
    return {"INT": "a whole number", "FLOAT": "a number"}.get(kind, f"{'one of ' * (len(words) > 1)}{', '.join(words)}")


def _words(kind: str) -> list[str]:
    return kind.strip("{}").split(",")
