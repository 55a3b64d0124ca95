"""What --help prints: the options in groups, each with what it does, and examples."""

import inspect
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING
from textwrap import wrap
from typing import Any

from tf_ssd.cli.options import Option, options_of

NARROWEST, WIDEST = 40, 100
INDENT = " " * 6
GLUE = "\0"  # stands for a space at which no line is broken
HELP = "  -h, --help\n" + INDENT + "Show this page."


def page(settings: type, groups: Mapping[str, Sequence[str]], *, program: str, examples: str) -> str:
    """The help of a command, as wide as the terminal, or as 80 columns where there is none.

    Args:
        settings: the dataclass of its settings, whose docstring says what the command does.
        groups: the title of each group, with the settings in it. Those in no group are in one called "Options".
        program: how the command is called.
        examples: commands, one a line, and comments on them.
    """
    width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    known = {option.setting: option for option in options_of(settings)}
    grouped = {name for names in groups.values() for name in names}
    rest = [name for name in known if name not in grouped]
    blocks = [_usage(program, list(known.values()), width), *_paragraphs(inspect.getdoc(settings) or "", width)]
    for title, names in {**groups, "Options": rest}.items():
        if names:
            blocks.append("\n".join([_bold(f"{title}:"), *(_described(known[name], width) for name in names)]))
    blocks[-1] += "\n" + HELP
    if examples:
        blocks.append("\n".join([_bold("Examples:"), *_commands(examples, width)]))
    return "\n\n".join(blocks)


def _usage(program: str, options: list[Option], width: int) -> str:
    required = sorted((option for option in options if option.is_required), key=lambda option: not option.is_positional)
    words = " ".join([program, *(option.written for option in required), "[options]"])
    return "\n".join(_wrapped(f"usage: {words}", width, first="", others=" " * len("usage: ")))


def _paragraphs(text: str, width: int) -> list[str]:
    return ["\n".join(wrap(paragraph, width)) for paragraph in text.split("\n\n")]


def _described(option: Option, width: int) -> str:
    written = option.written + " (required)" * option.is_required
    text = f"{option.text} {_default(option.default)}".strip().replace("python -m ", f"python -m{GLUE}")
    lines = wrap(text, width, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False)
    return "\n".join([*map(_bold, _wrapped(written, width, first="  ", others=INDENT)), *lines]).replace(GLUE, " ")


def _default(default: Any) -> str:
    """The default in words; empty where there is none, or where the text says what takes its place."""
    if default in (MISSING, None, False, ()):
        return ""
    return f"(default: {' '.join(map(str, default)) if isinstance(default, tuple) else default})"


def _wrapped(words: str, width: int, *, first: str, others: str) -> list[str]:
    """Lines; choices may be broken behind their commas."""
    lines = wrap(words.replace(",", f",{GLUE} "), width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
    return [line.replace(f"{GLUE} ", "").replace(GLUE, "") for line in lines]


def _commands(examples: str, width: int) -> Iterator[str]:
    """Comments and commands; a long command goes on in the next line with its next option, so that it can be pasted."""
    for line in examples.splitlines():
        words = line if line.startswith("#") else line.replace(" ", GLUE).replace(f"{GLUE}--", " --")
        parts = wrap(
            words, width - 4, initial_indent="  ", subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False
        )
        yield " \\\n".join(parts).replace(GLUE, " ")


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text
