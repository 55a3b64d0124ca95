"""A folder of files for implementations in any language: float64 to the bit, a schema, a version and a licence.

`index.json` lists the cases and operations, each of which is a file of its own, `cases/NAME.json` and `operations/NAME.json`, and
the folders of the networks. `schema.json` describes the files.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from tf_ssd import __version__
from tf_ssd.audit.cases.case import Case
from tf_ssd.audit.specification.rules import specification
from tf_ssd.audit.vectors.cases import CoderVector, LossVector, vector
from tf_ssd.audit.vectors.networks import NetworkVector, write_networks
from tf_ssd.audit.vectors.operations import OperationVector, operation_vectors
from tf_ssd.errors import AuditError
from tf_ssd.system.files import move_to_new, require_file

VERSION = 4
LICENCE = "Apache-2.0"
CaseVector = LossVector | CoderVector
Vector = CaseVector | OperationVector
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]+$")]  # part of a file's name


class Version(msgspec.Struct, frozen=True):
    """What every index has, of whichever version."""

    version: int


class Index(msgspec.Struct, frozen=True):
    """What a folder holds. A reader must refuse a `version` that it does not know."""

    version: int
    tf_ssd: str
    specification: str
    licence: str
    cases: list[Name]
    operations: list[Name]
    networks: list[Name]

    def __post_init__(self) -> None:
        if not self.cases and not self.operations:
            raise ValueError("it lists no cases and no operations")
        for names in (self.cases, self.operations):
            if len(set(names)) < len(names):
                raise ValueError(f"it lists {max(names, key=names.count)} twice")


def export(cases: Sequence[Case], folder: Path) -> None:
    """Write all cases, operations and networks into a new folder.

    Raises:
        OSError: the folder exists already, or cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="unfinished-") as temporary:
        unfinished = Path(temporary) / "vectors"
        written = {
            "cases": _write_all(unfinished / "cases", {case.about.name: vector(case) for case in cases}),
            "operations": _write_all(unfinished / "operations", {each.name: each for each in operation_vectors()}),
            "networks": write_networks(unfinished / "networks"),
        }
        _write(unfinished / "schema.json", msgspec.json.schema(Vector | NetworkVector))
        _write(unfinished / "index.json", Index(VERSION, __version__, specification().version, LICENCE, **written))
        move_to_new(unfinished, folder)


def read(folder: Path | str) -> Iterator[Vector]:
    """The cases, and then the operations, of a folder that `export` wrote.

    Raises:
        AuditError: a file is missing, does not follow the schema or is not the one that its name says, its arrays do not fit each
            other, the folder lists nothing or something twice, or the version is another.
    """
    index = _index(Path(folder) / "index.json")
    kinds = (("cases", index.cases, CaseVector), ("operations", index.operations, OperationVector))
    for kind, names, type_ in kinds:
        for name in names:
            path = Path(folder) / kind / f"{name}.json"
            found = _decoded(path, _content(path), type_)
            if found.name != name:
                raise AuditError(f"{path}: holds the vector {found.name!r}; export the cases again")
            yield found


def _index(path: Path) -> Index:
    """The version is read before the rest, which another version may not have."""
    content = _content(path)
    version = _decoded(path, content, Version).version
    if version != VERSION:
        raise AuditError(f"{path}: version {version}, where {VERSION} is known; export the cases again")
    return _decoded(path, content, Index)


def _write_all(folder: Path, vectors: dict[str, Vector]) -> list[str]:
    folder.mkdir(parents=True)
    for name, each in vectors.items():
        _write(folder / f"{name}.json", each)
    return list(vectors)


def _write(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def _content(path: Path) -> bytes:
    try:
        return require_file(path).read_bytes()
    except (OSError, ValueError) as error:
        raise AuditError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); export the cases again") from error


def _decoded(path: Path, content: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AuditError(f"{path}: is no file of version {VERSION} ({error}); export the cases again") from error
