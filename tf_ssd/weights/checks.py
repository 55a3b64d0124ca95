"""Check that the tensors of a file are those that a table expects; one message names all that are not."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tf_ssd.config import WeightsSource
from tf_ssd.errors import WeightsError
from tf_ssd.system.words import counted
from tf_ssd.weights.keras_onnx import KERAS_ONNX
from tf_ssd.weights.mediapipe import MEDIAPIPE
from tf_ssd.weights.tables import amdegroot, keras_applications, torchvision
from tf_ssd.weights.tables.table import Shape, Table, Tensors, gives_logits

NAMES_SHOWN = 3
KNOWN = (
    *torchvision.TABLES,
    *amdegroot.TABLES,
    KERAS_ONNX,
    replace(KERAS_ONNX, source="keras"),
    *keras_applications.TABLES,
    MEDIAPIPE,
)


def find_table(source: WeightsSource, tensors: Tensors, file: Path) -> Table:
    """The table of `source` that has the names of `tensors`, but for others that it says may be there, and that they suit.

    Raises:
        WeightsError: there is none. The message lists how the names differ from the nearest table of `source`; or it names another
            source, if a table of that source is nearer.
    """
    own = sorted((table for table in KNOWN if table.source == source), key=lambda table: -_likeness(table, tensors))
    named = [table for table in own if not any(_departures(table, tensors))]
    if named:
        found = next((table for table in named if table.suits(tensors)), named[0])
        return replace(found, targets=dict.fromkeys(tensors) | found.targets)
    nearest, other = own[0], max((table for table in KNOWN if table.source != source), key=lambda table: _likeness(table, tensors))
    likeness = _likeness(nearest, tensors)
    if _likeness(other, tensors) > max(likeness, 0.5):
        kind = nearest.description if likeness else f"a file of --from {source}"
        raise WeightsError(f"{file}: not {kind} but, it seems, {other.description}: try --from {other.source}")
    if not likeness:
        held = f"holds {counted(len(tensors), 'tensor')}, of which --from {source} knows none ({_shown(list(tensors))})"
        raise WeightsError(f"{file}: {held}; --help lists what can be imported, is it the right file?")
    missing, unexpected = _departures(nearest, tensors)
    lists = f"{_listed(missing, 'missing')}, {_listed(unexpected, 'unexpected')}"
    raise WeightsError(f"{file}: not {nearest.description}: {lists}; is it the right file?")


def _departures(table: Table, tensors: Tensors) -> tuple[list[str], list[str]]:
    """Names that are missing, and those that are neither in the table nor among the others that it allows."""
    missing = [name for name in table.targets if name not in tensors]
    more = [name for name in tensors if name not in table.targets]
    return missing, [name for name in more if table.others is None or not re.fullmatch(table.others, name)]


def _likeness(table: Table, tensors: Tensors) -> float:
    """Names in common, as a share of all names."""
    return len(table.targets.keys() & tensors.keys()) / len(table.targets.keys() | tensors.keys())


def _listed(names: list[str], what: str) -> str:
    return f"{counted(len(names), 'tensor')} {what}" + (f" ({_shown(names)})" if names else "")


def _shown(names: list[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN] + ["..."] * (len(names) > NAMES_SHOWN))


def classes_in(table: Table, tensors: Tensors, file: Path) -> int | None:
    """C of the class heads in a file, background included; None for a body alone.

    Raises:
        WeightsError: the heads do not agree on a whole number of classes.
    """
    boxes = {f"logits_{level}": count for level, count in enumerate(table.config.boxes.boxes_per_cell)}
    counts = {}
    for name, target in table.targets.items():
        layer, _, variable = target.variable.partition(".") if target else ("", "", "")
        if target and gives_logits(target.variable) and variable == "bias":
            counts[name] = tensors[name].size / boxes[layer]
    distinct = set(counts.values())
    if len(distinct) > 1 or any(count < 2 or count % 1 for count in distinct):
        listed = ", ".join(f"{name} {count:g}" for name, count in counts.items())
        raise WeightsError(f"{file}: the heads do not agree on a number of classes, 2 or more: {listed}; is it another model's?")
    return int(distinct.pop()) if distinct else None


def check_shapes(table: Table, tensors: Tensors, variables: Mapping[str, Shape], file: Path) -> None:
    """Compare every tensor with the shape that it must have, given the shapes of our variables ("layer.variable").

    Raises:
        WeightsError: a tensor has another shape; the message names the first.
    """
    for name, target in table.targets.items():
        if target is not None:
            expected = target.conversion.published_shape(variables[target.variable])
            if tensors[name].shape != expected:
                raise WeightsError(f"{file}: tensor {name} has shape {tensors[name].shape}, but {table.description} has {expected}")


def check_finite(table: Table, tensors: Tensors, file: Path) -> None:
    """Raise WeightsError if a tensor that is used holds NaN, as a part of a classifier may; the message names the first."""
    for name, target in table.targets.items():
        if target is not None and np.isnan(tensors[name]).any():
            raise WeightsError(f"{file}: tensor {name} holds nothing but NaN; the file is damaged, or its training diverged")
