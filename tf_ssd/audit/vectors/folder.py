"""A folder of files for implementations in any language: float64 to the bit, a schema, a version and a licence.

`index.json` lists the cases and operations, each of which is a file of its own, `cases/NAME.json` and `operations/NAME.json`, and
the folders of the networks. `schema.json` describes the files.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tf_ssd import __version__
from tf_ssd.audit.cases.case import Case
from tf_ssd.audit.specification.rules import specification
from tf_ssd.audit.vectors.cases import CoderVector, LossVector, vector
from tf_ssd.audit.vectors.networks import NetworkVector, write_networks
from tf_ssd.audit.vectors.operations import OperationVector, operation_vectors
from tf_ssd.errors import AuditError
from tf_ssd.system.files import move_to_new, require_file

VERSION = 3
LICENCE = "Apache-2.0"
Vector = LossVector | CoderVector | OperationVector


class Index(msgspec.Struct, frozen=True):
    """What a folder holds. A reader must refuse a `version` that it does not know."""

    version: int
    tf_ssd: str
    specification: str
    licence: str
    cases: list[str]
    operations: list[str]
    networks: list[str]


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


def read(folder: Path) -> Iterator[Vector]:
    """The cases, and then the operations, of a folder that `export` wrote.

    Raises:
        AuditError: a file is missing or does not follow the schema, or the version is another.
    """
    index = _read(folder / "index.json", Index)
    if index.version != VERSION:
        raise AuditError(f"{folder / 'index.json'}: version {index.version}, where {VERSION} is known; export the cases again")
    for kind, names in (("cases", index.cases), ("operations", index.operations)):
        for name in names:
            yield _read(folder / kind / f"{name}.json", Vector)


def _write_all(folder: Path, vectors: dict[str, Vector]) -> list[str]:
    folder.mkdir(parents=True)
    for name, each in vectors.items():
        _write(folder / f"{name}.json", each)
    return list(vectors)


def _write(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(require_file(path).read_bytes(), type=kind)
    except OSError as error:
        raise AuditError(f"{path}: cannot be read ({error.strerror}); export the cases again") from error
    except msgspec.DecodeError as error:
        raise AuditError(f"{path}: is no case of this version ({error}); export the cases again") from error
