"""Cases as files for implementations in any language: JSON with float64 to the bit, a schema, and a version.

Numbers are written so that reading them as float64 gives the same bits. JSON has no number for NaN and infinities, which are
written as "NaN", "Infinity" and "-Infinity". `index.json` lists the cases, each of which is a file `cases/NAME.json`, and
`schema.json` describes these files.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from tf_ssd import __version__
from tf_ssd.audit.cases.case import Case, CoderCase, Image, LossCase
from tf_ssd.audit.cases.ledger import expected
from tf_ssd.config import ScoreKind
from tf_ssd.errors import AuditError
from tf_ssd.system.files import move_to_new, require_file

VERSION = 2
Spelled = Literal["NaN", "Infinity", "-Infinity"]
Number = float | Spelled


class Array(msgspec.Struct, frozen=True):
    """Numbers in row-major order."""

    shape: tuple[int, ...]
    values: list[Number]


class ImageVector(msgspec.Struct, frozen=True):
    """One image: ground truth xyxy (G, 4) with labels (0: padding), predicted offsets (K, 4) and logits (K, C).

    The results of matching and mining follow for each default box (K,): its ground-truth row, -1 for background, and whether it is
    mined.
    """

    gt_boxes: Array
    gt_labels: list[int]
    offsets: Array
    logits: Array
    matched_row: list[int]
    mined: list[bool]


class LossVector(msgspec.Struct, frozen=True, tag="loss"):
    """A batch and its loss for one kind of class scores, with the gradients (B, K, 4) and (B, K, C) of the total.

    With `must_not_be_finite` any total that is not finite is right; NaN is written for it.
    """

    name: str
    rule: str
    why: str
    scores: ScoreKind
    settings: dict[str, float | str]
    float16_predictions: bool
    replicas: int
    may_be_refused: bool
    must_not_be_finite: bool
    default_boxes: Array
    images: list[ImageVector]
    total: Number
    localization: Number
    confidence: Number
    offsets_gradient: Array
    logits_gradient: Array
    by_hand: str | None


class CoderVector(msgspec.Struct, frozen=True, tag="coder"):
    """Rows (K, 4) to encode (xyxy) or decode (offsets), one for each default box cxcywh, and the result (K, 4)."""

    name: str
    rule: str
    why: str
    operation: Literal["encode", "decode"]
    default_boxes: Array
    values: Array
    expected: Array


class Index(msgspec.Struct, frozen=True):
    """What a folder holds. A reader must refuse a `version` that it does not know."""

    version: int
    tf_ssd: str
    cases: list[str]


Vector = LossVector | CoderVector


def export(cases: Sequence[Case], folder: Path) -> None:
    """Write all cases into a new folder.

    Raises:
        OSError: the folder exists already, or cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="unfinished-") as temporary:
        unfinished = Path(temporary) / "vectors"
        (unfinished / "cases").mkdir(parents=True)
        for case in cases:
            _write(unfinished / "cases" / f"{case.about.name}.json", vector(case))
        _write(unfinished / "schema.json", msgspec.json.schema(Vector))
        _write(unfinished / "index.json", Index(VERSION, __version__, [case.about.name for case in cases]))
        move_to_new(unfinished, folder)


def read(folder: Path) -> Iterator[Vector]:
    """The cases of a folder that `export` wrote.

    Raises:
        AuditError: a file is missing or does not follow the schema, or the version is another.
    """
    index = _read(folder / "index.json", Index)
    if index.version != VERSION:
        raise AuditError(f"{folder / 'index.json'}: version {index.version}, where {VERSION} is known; export the cases again")
    for name in index.cases:
        yield _read(folder / "cases" / f"{name}.json", Vector)


def vector(case: Case) -> Vector:
    """A case as plain data."""
    about, default_boxes = case.about, to_array(case.default_boxes)
    if isinstance(case, CoderCase):
        values, wanted = to_array(case.values), to_array(case.expected)
        return CoderVector(about.name, about.rule, about.why, case.operation, default_boxes, values, wanted)
    result = expected(case)
    return LossVector(
        name=about.name,
        rule=about.rule,
        why=about.why,
        scores=case.scores,
        settings=dict(case.options),
        float16_predictions=case.half,
        replicas=case.replicas,
        may_be_refused=case.refusable,
        must_not_be_finite=case.loud,
        default_boxes=default_boxes,
        images=[_image(image, case) for image in case.images],
        total=_spelled(result.total),
        localization=_spelled(result.localization),
        confidence=_spelled(result.confidence),
        offsets_gradient=to_array(result.offsets_gradient),
        logits_gradient=to_array(result.logits_gradient),
        by_hand=None if case.by_hand is None else case.by_hand[0],
    )


def to_array(values: np.ndarray) -> Array:
    """NumPy to plain data."""
    return Array(values.shape, [_spelled(float(value)) for value in values.ravel()])


def from_array(array: Array) -> np.ndarray:
    """Plain data to NumPy, float64."""
    return np.array([float(value) for value in array.values]).reshape(array.shape)


def _image(image: Image, case: LossCase) -> ImageVector:
    boxes = range(len(case.default_boxes))
    return ImageVector(
        gt_boxes=to_array(image.gt_boxes),
        gt_labels=image.gt_labels.tolist(),
        offsets=to_array(image.offsets),
        logits=to_array(image.logits),
        matched_row=[image.matches.get(box, -1) for box in boxes],
        mined=[box in image.mined for box in boxes],
    )


def _spelled(value: float) -> Number:
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _write(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(require_file(path).read_bytes(), type=kind)
    except OSError as error:
        raise AuditError(f"{path}: cannot be read ({error.strerror}); export the cases again") from error
    except msgspec.DecodeError as error:
        raise AuditError(f"{path}: is no case of this version ({error}); export the cases again") from error
