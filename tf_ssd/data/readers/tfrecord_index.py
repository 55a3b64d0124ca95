"""Records of TFRecord files by their number: where each begins is found at the start, and one is read when it is asked for."""

import gzip
import struct
import weakref
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, NamedTuple

import google_crc32c
import numpy as np

from tf_ssd.data.notes import Notes
from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.files import require_file

HEADER, FOOTER = struct.Struct("<QI"), struct.Struct("<I")  # length and its checksum; the checksum of the record
CHUNK = 1 << 20
GZIP = b"\x1f\x8b"


class Position(NamedTuple):
    """Where a record is: its file, its number in it, from 1, the offset of its first byte, and its length."""

    file: int
    number: int
    offset: int
    length: int

    def place(self, files: Sequence[Path]) -> Place:
        """The record in a message."""
        return Place(files[self.file], f"record {self.number}")


class Records:
    """The records of several files, one after the other; 32 bytes of memory each.

    Checksums are compared when a record is read. Files in gzip are unpacked into a temporary file, which no name leads to.

    Args:
        files: at least one.
        notes: where faults go; after one, the rest of the file is left out.

    Raises:
        DatasetError: a file cannot be read, is no TFRecord, or ends within a record.
    """

    def __init__(self, files: Sequence[Path], notes: Notes) -> None:
        self.files = tuple(files)
        self._unpacked: IO[bytes] | None = None
        self._lock = Lock()
        self._is_packed = np.zeros(len(self.files), bool)
        columns = {name: array("q") for name in Position._fields}
        for file, path in enumerate(self.files):
            with notes.tolerating():
                self._index(file, path, columns)
        self._columns = {name: np.asarray(column) for name, column in columns.items()}

    def __len__(self) -> int:
        return len(self._columns["file"])

    def position(self, index: int) -> Position:
        """Where record `index` is."""
        return Position(*(int(self._columns[name][index]) for name in Position._fields))

    def read(self, index: int) -> bytes:
        """Record `index`; raises DatasetError if it cannot be read or is damaged."""
        position = self.position(index)
        content = self._read(position, position.length + FOOTER.size)
        record, footer = content[: position.length], content[position.length :]
        if len(footer) < FOOTER.size:
            raise DatasetError.at(position.place(self.files), "is gone: the file has become shorter; start again")
        if FOOTER.unpack(footer)[0] != masked_checksum(record):
            raise DatasetError.at(position.place(self.files), "is damaged: its checksum is wrong; make the file again")
        return record

    def _read(self, position: Position, count: int) -> bytes:
        try:
            if self._is_packed[position.file] and self._unpacked is not None:
                with self._lock:
                    self._unpacked.seek(position.offset)
                    return self._unpacked.read(count)
            with self.files[position.file].open("rb") as opened:
                opened.seek(position.offset)
                return opened.read(count)
        except OSError as error:
            raise DatasetError.at(position.place(self.files), f"cannot be read ({error.strerror})", kind="missing files") from error

    def _index(self, file: int, path: Path, columns: dict[str, array]) -> None:
        """Append the positions of a file's records; raises DatasetError, after those before it, at one that is cut off."""
        try:
            with require_file(path).open("rb") as opened:
                self._is_packed[file] = opened.read(len(GZIP)) == GZIP
                if not self._is_packed[file]:
                    opened.seek(0)
                    _walk(opened, file, path, columns)
                    return
                opened.seek(0)
                broken = self._unpack(opened, path)
        except OSError as error:
            raise DatasetError.at(Place(path), f"cannot be read ({error}); check names and rights") from error
        assert self._unpacked is not None
        _walk(self._unpacked, file, path, columns, broken)

    def _unpack(self, opened: IO[bytes], path: Path) -> str:
        """Append a file's unpacked content to the temporary file, to stand at where it begins; returns why it is not all, if so."""
        if self._unpacked is None:
            self._unpacked = TemporaryFile(prefix="tf_ssd-")  # noqa: SIM115  closed with the dataset
            weakref.finalize(self, self._unpacked.close)
        start, broken = self._unpacked.seek(0, 2), ""
        try:
            packed = gzip.GzipFile(fileobj=opened)
            while chunk := packed.read1(CHUNK):  # unlike `read`, gives all that comes before damage
                self._unpacked.write(chunk)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            broken = f" ({error})"
        except OSError as error:
            advice = "unpack it with gunzip, or let TMPDIR name a folder with more room"
            raise DatasetError.at(Place(path), f"cannot be unpacked ({error.strerror}); {advice}") from error
        self._unpacked.seek(start)
        return broken


def masked_checksum(content: bytes) -> int:
    """The checksum of TFRecord files: CRC-32C, rotated by 15 bits, plus a constant."""
    checksum = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _walk(opened: IO[bytes], file: int, path: Path, columns: dict[str, array], broken: str = "") -> None:
    """Append where each record is, from where `opened` stands to its end; `broken` says why more should follow there."""
    offset, number = opened.tell(), 1
    end = opened.seek(0, 2)
    while offset < end or broken:
        opened.seek(offset)
        header = opened.read(HEADER.size)
        where = Place(path, f"record {number}")
        if len(header) < HEADER.size:
            raise _cut_off(where, f"{len(header)} of the {HEADER.size} bytes of its header are there", broken)
        length, checksum = HEADER.unpack(header)
        if checksum != masked_checksum(header[:8]):
            what = "is this a TFRecord file?" if number == 1 else "make the file again"
            raise DatasetError.at(where, f"is damaged: the checksum of its length is wrong; {what}")
        first, offset = offset + HEADER.size, offset + HEADER.size + length + FOOTER.size
        if offset > end:
            raise _cut_off(where, f"{end - first} of its {length + FOOTER.size} bytes are there", broken)
        for name, value in zip(Position._fields, (file, number, first, length), strict=True):
            columns[name].append(value)
        number += 1


def _cut_off(where: Place, what: str, broken: str) -> DatasetError:
    return DatasetError.at(where, f"is cut off: {what}{broken}; copy or make the file again")
