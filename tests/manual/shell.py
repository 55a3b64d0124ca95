"""A shell in which a function stands for every program: what is pasted is taken apart by bash itself."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

# What lies in the place of every program: it hands over how it was called, and says and returns what is answered.
STAND_IN = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    read = sys.stdin.buffer.read().decode("latin-1")
    words = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
    called = {{"words": words, "folder": os.getcwd(), "environment": dict(os.environ), "read": read}}
    connection.sendall(json.dumps(called).encode())
    connection.shutdown(socket.SHUT_WR)
    with connection.makefile() as file:
        answer = json.load(file)
sys.stdout.write(answer["out"])
sys.stderr.write(answer["err"])
sys.exit(answer["code"])
"""


class Called(NamedTuple):
    """A program as the shell has called it: its name and words, where, and what it can read from standard input."""

    words: list[str]
    folder: str
    environment: dict[str, str]
    read: str

    def __str__(self) -> str:
        return " ".join(self.words)


class Answer(NamedTuple):
    """An exit code, and what is printed."""

    code: int = 0
    out: str = ""
    err: str = ""


class Shell:
    """bash, which finds no programs but those of the given names."""

    def __init__(self, place: Path, programs: Iterable[str]) -> None:
        self._place, address = place, str(place / "socket")
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(address)
        self._server.listen()
        self._server.settimeout(0.05)
        (place / "bin").mkdir()
        for name in programs:
            (place / "bin" / name).write_text(STAND_IN.format(python=sys.executable, address=address))
            (place / "bin" / name).chmod(0o755)

    def run(self, code: str, folder: Path, answer: Callable[[Called], Answer]) -> tuple[int, str]:
        """The exit code, and everything that is printed; the first command that fails is the last one, as after `set -e`."""
        environment = {**os.environ, "PATH": str(self._place / "bin"), "HOME": str(folder)}
        said = self._place / "said"
        with said.open("w") as file:
            options = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file, "env": environment, "cwd": folder}
            process = subprocess.Popen([BASH, "--norc", "--noprofile", "-e", "-o", "pipefail", "-c", code], **options)
            try:
                while process.poll() is None:
                    self._answer_one(answer)
            finally:
                process.kill()
                process.wait()
        return process.returncode, said.read_text()

    def close(self) -> None:
        self._server.close()

    def _answer_one(self, answer: Callable[[Called], Answer]) -> None:
        try:
            connection, _ = self._server.accept()
        except TimeoutError:
            return
        with connection, connection.makefile("rw") as file:
            json.dump(answer(Called(**json.load(file)))._asdict(), file)


BASH = "/bin/bash"


@contextmanager
def shell(programs: Iterable[str]) -> Iterator[Shell]:
    """A shell, whose programs lie in a folder with a short path, as an address has about a hundred bytes at most."""
    with TemporaryDirectory(prefix="shell") as place:
        opened = Shell(Path(place), programs)
        yield opened
        opened.close()
