"""Somebody who reads the manual: goes through a page from its top, runs every command, and keeps the names of its Python."""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.house import ROOT
from tests.manual import world
from tests.manual.blocks import Block, blocks
from tests.manual.excerpts import not_as_in
from tests.manual.programs import Programs
from tests.manual.shell import Shell, shell
from tests.manual.smaller import less_work
from tests.manual.weights import narrow_files

# Languages of blocks that nothing is done with.
NOT_RUN = {
    "text": "output, or what cannot be run here",
    "kotlin": "for Android; the page says that it was not run",
    "mermaid": "drawn by tests/test_site.py, and compared with the imports by tests/test_architecture.py",
}
SHELL = ("sh", "shell")
RUN = (*SHELL, "python")
TUTORIAL = ROOT / "docs/tutorial"  # whose Python is run by tests/tutorial
OURS = ("python -m tf_ssd", "tf-ssd ")
COMMENT = "# "  # the first line of a file that is shown is its name in a comment


def to_read(path: Path) -> list[Block]:
    """The blocks of a page that are read here."""
    return [block for block in blocks(path) if not (block.language == "python" and path.is_relative_to(TUTORIAL))]


class Page:
    """A page that is being read, in a folder of its own, which holds what the page speaks of and does not make by itself."""

    def __init__(self, path: Path, folder: Path, reader: "Reader") -> None:
        self.blocks = to_read(path)
        self.folder, self._reader, self._next = folder, reader, 0
        self.names: dict[str, Any] = {"__name__": "manual"}
        self.said = StringIO()  # by its Python
        text = path.read_text(encoding="utf-8")
        for name in world.FILES:
            made = re.search(rf"--output {re.escape(name)}(?!\S)", text)
            if world.SPOKEN_OF.get(name, name) in text and not made:
                reader.give(name, folder)

    def read(self, line: int) -> None:
        """Everything down to the block that begins in a line; what has been read is not read again."""
        last = next(number for number, block in enumerate(self.blocks) if block.line == line)
        while self._next <= last:
            block = self.blocks[self._next]
            self._next += 1
            self._run(block)

    def _run(self, block: Block) -> None:
        if block.language in SHELL:
            code, said = self._reader.shell.run(block.code, self.folder, self._reader.programs)
            if code:
                pytest.fail(f"{block.name}:\n{block.code}\nexit code {code}\n{said}", pytrace=False)
        elif block.language == "python" and block.source:
            others = not_as_in(block.code, block.source)
            assert not others, f"{block.name}: {', '.join(others)}: not as in {block.source}"
        elif block.language == "python":
            with chdir(self.folder), redirect_stdout(self.said):
                exec(compile("\n" * (block.line - 1) + block.code, str(ROOT / block.page), "exec"), self.names)
        elif block.language in NOT_RUN:
            ours = [line for line in block.code.splitlines() if line.startswith(OURS)]
            assert not ours, f"{block.name}: {ours[0]}: a command of tf_ssd that is not run; make it sh"
        else:
            known = f"{', '.join(RUN)}, {', '.join(NOT_RUN)}, or a file whose first line is its name in a comment"
            assert block.code.startswith(COMMENT), f"{block.name}: {block.language!r} is none of {known}"
            (self.folder / block.code.splitlines()[0].removeprefix(COMMENT)).write_text(block.code)


class Reader:
    """Reads pages; what they share is made once."""

    def __init__(self, folder: Path, opened: Shell, programs: Programs) -> None:
        self.shell, self.programs, self._folder = opened, programs, folder
        self._pages: dict[Path, Page] = {}

    def page(self, path: Path) -> Page:
        """A page, whether or not some of it has been read."""
        if path not in self._pages:
            folder = self._folder / f"page{len(self._pages)}"
            folder.mkdir()
            self._pages[path] = Page(path, folder, self)
        return self._pages[path]

    def give(self, name: str, folder: Path) -> None:
        """Put one of the files of the world into a folder."""
        kept, given = self._kept(name), folder / name
        given.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if kept.is_dir() else shutil.copy2)(kept, given)

    def _kept(self, name: str) -> Path:
        """Where it is kept; others are made of VOC."""
        kept = self._folder / "world" / name
        if not kept.exists():
            if name != world.VOC:
                self._kept(world.VOC)
            kept.parent.mkdir(parents=True, exist_ok=True)
            world.FILES[name](kept)
        return kept


@contextmanager
def reader(folder: Path) -> Iterator[Reader]:
    """A reader, who has little time."""
    programs = Programs()
    with ExitStack() as stack:
        opened = stack.enter_context(shell(programs.names))
        stack.enter_context(less_work())
        stack.enter_context(narrow_files())
        yield Reader(folder, opened, programs)
