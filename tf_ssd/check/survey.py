"""One pass over all images of a split: each is decoded, and a few bytes about it are kept."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from tf_ssd.boxes_px import Size
from tf_ssd.check.findings import Findings
from tf_ssd.config import Exif
from tf_ssd.data.contradictions import size_problem
from tf_ssd.data.ground_truth import CORNERS, UNKNOWN, fit_record
from tf_ssd.data.images.decode import Header, decode, name_of, read_encoded, read_header
from tf_ssd.data.packed_strings import PackedStrings
from tf_ssd.data.records import Dataset, Record
from tf_ssd.errors import Place

AT_A_TIME = 512  # records on their way through the threads
DIGEST = 16  # bytes


@dataclass(frozen=True, eq=False)
class Facts:
    """What is kept of a record: of its pixels a digest, empty if they cannot be decoded, and a header, if there is one.

    The size is that of the image to which the boxes belong, None if it is not known.
    """

    name: str
    digest: bytes
    header: Header | None
    size: Size | None
    boxes_px: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    crowd: np.ndarray


@dataclass(frozen=True, eq=False)
class Survey:
    """A split of N usable records with M boxes, and what was found in it.

    Attributes:
        split: its name.
        class_names: the classes that its labels stand for.
        findings: what was found so far.
        records: number of records, also of those that cannot be used.
        names: N, of the image files.
        digests: N, of the pixels; empty where the image cannot be read.
        sizes: (N, 2) int32, width and height of the stored pixels; 0 where the image cannot be read.
        orientations: (N,) uint8, EXIF's; 1 if there is none.
        box_sizes: (N, 2) int32, width and height that the annotation says, else those of the image as it is used; 0 if unknown.
        image: (M,) int64, the image that a box lies in.
        boxes_px: (M, 4) float64, xyxy in pixels of images of `box_sizes`.
        labels, difficult, crowd: (M,).
    """

    split: str
    class_names: tuple[str, ...]
    findings: Findings
    records: int
    names: PackedStrings
    digests: list[bytes]
    sizes: np.ndarray
    orientations: np.ndarray
    box_sizes: np.ndarray
    image: np.ndarray
    boxes_px: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    crowd: np.ndarray

    @cached_property
    def counts(self) -> np.ndarray:
        """Boxes in each image (N,), crowds among them."""
        return np.bincount(self.image, minlength=len(self.names))

    def boxes_of(self, name: str) -> np.ndarray:
        """Numbers of the boxes of a class, without crowds; none if the split does not know the class."""
        label = self.class_names.index(name) + 1 if name in self.class_names else -1
        return np.flatnonzero((self.labels == label) & ~self.crowd)


def facts(dataset: Dataset, findings: Findings, *, exif: Exif) -> Iterator[Facts | None]:
    """Facts about each record, in order, None for one that cannot be used; what is wrong goes to `findings`."""

    def examine(index: int) -> Facts | None:
        with findings.tolerating():
            return _examine(dataset[index], dataset.class_names, findings, exif)
        return None

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # decoders release the interpreter's lock
        for start in range(0, len(dataset), AT_A_TIME):
            yield from pool.map(examine, range(start, min(start + AT_A_TIME, len(dataset))))


def survey(split: str, class_names: tuple[str, ...], findings: Findings, found: list[Facts | None]) -> Survey:
    """The facts about all records of a split, side by side."""
    usable = [item for item in found if item is not None]
    headers = [item.header or Header("", (0, 0), 1) for item in usable]
    counts = [len(item.labels) for item in usable]

    def column(name: str, empty: np.ndarray) -> np.ndarray:
        return np.concatenate([empty, *(getattr(item, name) for item in usable)])

    return Survey(
        split=split,
        class_names=class_names,
        findings=findings,
        records=len(found),
        names=PackedStrings([item.name for item in usable]),
        digests=[item.digest for item in usable],
        sizes=np.array([header.size for header in headers], np.int32).reshape(-1, 2),
        orientations=np.array([header.orientation for header in headers], np.uint8),
        box_sizes=np.array([item.size or UNKNOWN for item in usable], np.int32).reshape(-1, 2),
        image=np.repeat(np.arange(len(usable)), counts),
        boxes_px=column("boxes_px", np.zeros((0, 4))),
        labels=column("labels", np.zeros(0, np.int32)),
        difficult=column("difficult", np.zeros(0, bool)),
        crowd=column("crowd", np.zeros(0, bool)),
    )


def _examine(record: Record, class_names: tuple[str, ...], findings: Findings, exif: Exif) -> Facts:
    name = name_of(record)
    header, digest = None, b""
    with findings.tolerating():
        encoded = read_encoded(record)
        header = read_header(encoded, name)
        _check_header(header, record, name, findings, exif)
        digest = _digest(decode(encoded, name))
    if header is not None:
        record, problems = fit_record(record, header.shown_size(exif), findings)
        for problem in problems:
            findings.add(*problem)
    _check_rows(record, class_names, name, findings)
    return Facts(name, digest, header, record.size, record.boxes_px, record.labels, record.difficult, record.crowd)


def _digest(pixels: np.ndarray) -> bytes:
    """The same for the same picture, in whatever format it is stored without loss."""
    hashed = blake2b(str(pixels.shape).encode(), digest_size=DIGEST)
    hashed.update(np.ascontiguousarray(pixels).data)
    return hashed.digest()


def _check_header(header: Header, record: Record, name: str, findings: Findings, exif: Exif) -> None:
    if header.orientation != 1:
        use = "turned accordingly" if exif == "apply" else "used as stored; --exif apply turns it"
        findings.inform("images with an EXIF orientation", f"{name}: orientation {header.orientation}, {use}", Place(name))
    differs = size_problem(record, header, name, exif)
    if differs is not None:
        findings.add(*differs)


def _check_rows(record: Record, class_names: tuple[str, ...], name: str, findings: Findings) -> None:
    place = Place(name)
    if not record.complete:
        pass  # who knows what the boxes that could not be read are
    elif not len(record.labels):
        findings.add("images without boxes", f"{place}: no boxes; if it shows anything, annotate it", place)
    elif record.crowd.all():
        findings.add("images with crowds only", f"{place}: all of its boxes are crowds, which training leaves out", place)
    elif record.difficult.all():
        message = f"{place}: all of its boxes are difficult, which the metrics leave out"
        findings.add("images with difficult boxes only", message, place)
    for first, second in _equal_rows(record):
        written = " ".join(f"{tag}={value:.6g}" for tag, value in zip(CORNERS, record.boxes_px[second], strict=True))
        where = f"boxes {first + 1} and {second + 1} are the same {class_names[record.labels[first] - 1]}"
        findings.add("duplicate boxes", f"{place}: {where}: {written}; remove one", place)


def _equal_rows(record: Record) -> list[tuple[int, int]]:
    """Pairs of a row and the first row before it of the same class and corners."""
    seen: dict[bytes, int] = {}
    pairs = []
    for row, (label, box) in enumerate(zip(record.labels, record.boxes_px, strict=True)):
        first = seen.setdefault(label.tobytes() + box.tobytes(), row)
        if first != row:
            pairs.append((first, row))
    return pairs
