"""The blocks of code of a page, and the commands in its sentences."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.house import ROOT

EXCERPT = re.compile(r"From \[[^]]+\]\(([^)#]+)\)")


class Block(NamedTuple):
    """Lines of code on a page.

    Attributes:
        page: the page, from the root of the repository.
        line: number of the first line of code, from 1.
        language: what stands after the fence.
        code: the lines.
        source: the file that it is an excerpt of, where the sentence before it begins with "From [file](path)".
    """

    page: str
    line: int
    language: str
    code: str
    source: Path | None = None

    @property
    def name(self) -> str:
        """Page and line, for messages."""
        return f"{self.page}:{self.line}"


class Phrase(NamedTuple):
    """Code in a sentence, with the number of the line that its paragraph begins in."""

    page: str
    line: int
    code: str


def blocks(path: Path) -> list[Block]:
    """All blocks of a page between fences.

    Raises:
        ValueError: a block is indented so that it is none in CommonMark, or not closed.
    """
    text = path.read_text(encoding="utf-8")
    found, before = [], ""
    for token in _tokens(text):
        if token.type == "fence":
            excerpt = EXCERPT.match(before)
            source = (path.parent / excerpt[1]).resolve() if excerpt else None
            language = token.info.split(" ")[0]
            found.append(Block(_name(path), token.map[0] + 2, language, token.content, source))
        before = token.content if token.type == "inline" else "" if token.type == "fence" else before
    fences = sum(line.lstrip().startswith("```") for line in text.splitlines())
    if fences != 2 * len(found):
        raise ValueError(f"{_name(path)}: {fences} fences, but {len(found)} blocks; is one indented or not closed?")
    return found


def phrases(path: Path) -> Iterator[Phrase]:
    """All code in sentences and tables."""
    for token in _tokens(path.read_text(encoding="utf-8")):
        for part in token.children or ():
            if part.type == "code_inline":
                yield Phrase(_name(path), token.map[0] + 1, part.content)


def _tokens(text: str) -> list[Token]:
    return MarkdownIt().enable("table").parse(text)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
