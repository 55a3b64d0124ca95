"""One case in detail, for a terminal: the rule, the inputs, the boxes that count, and all answers."""

from collections.abc import Iterator

import numpy as np
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import CoderCase, Image, LossCase
from tf_ssd.audit.cases.ledger import Expected, cross_entropies, expected, smooth_l1s
from tf_ssd.audit.reports.names import short_names
from tf_ssd.audit.reports.table import STYLES
from tf_ssd.audit.run import Audit


def case_details(audit: Audit) -> Iterator[RenderableType]:
    """All there is to say about the only case of an audit."""
    [case] = audit.cases
    yield Text(f"{case.about.name} ({case.about.group})", style="bold")
    yield Text.assemble(("rule  ", "dim"), case.about.cited)
    yield Text.assemble(("why   ", "dim"), case.about.why)
    if isinstance(case, CoderCase):
        yield _coder(case)
        yield _coded(audit)
        return
    if case.settings or case.half:
        settings = [f"{name}={setting}" for name, setting in case.settings.items()] + ["float16 predictions"] * case.half
        yield Text.assemble(("with  ", "dim"), ", ".join(settings))
    for number, image in enumerate(case.images):
        yield _objects(number, image)
        if image.matches or image.mined:
            yield _boxes(number, image, case)
    if case.by_hand is not None:
        yield Text.assemble(("by hand  ", "dim"), f"{case.by_hand[0]} = {case.by_hand[1]:.10g}")
    yield _answers(audit, case)


def _objects(number: int, image: Image) -> Table:
    table = _table(f"Image {number}: ground truth", "row", "label", "xmin", "ymin", "xmax", "ymax")
    for row, (label, corners) in enumerate(zip(image.gt_labels, image.gt_boxes, strict=True)):
        table.add_row(str(row), str(label), *(f"{corner:.6g}" for corner in corners))
    return table


def _boxes(number: int, image: Image, case: LossCase) -> Table:
    table = _table(f"Image {number}: default boxes that count", "box", "cxcywh", "as", "logits", "box loss", "class loss")
    boxes, classes = smooth_l1s(image, case.default_boxes), cross_entropies(image, scores=case.scores)
    for index in (*image.matches, *image.mined):
        role = f"row {image.matches[index]}" if index in image.matches else "negative"
        logits = " ".join(f"{logit:.5g}" for logit in image.logits[index])
        place = " ".join(f"{coordinate:.4g}" for coordinate in case.default_boxes[index])
        table.add_row(str(index), place, role, logits, f"{boxes[index]:.6g}", f"{classes[index]:.6g}")
    return table


def _answers(audit: Audit, case: LossCase) -> Table:
    table = _table("Answers", "", "total", "boxes", "classes", "largest gradient", "at", "verdict")
    table.add_row("expected", *_numbers(expected(case)), "")
    for name, rows in audit.rows.items():
        answer, judgement = rows[case.about.name].answer, rows[case.about.name].judgement
        words = Text(f"{judgement.verdict}{': ' * bool(judgement.what)}{judgement.what}", style=STYLES[judgement.verdict])
        table.add_row(short_names(audit.rows)[name], *_numbers(answer), words)
    return table


def _numbers(of: Answer | Expected) -> list[str]:
    """Total, its terms, and the largest gradient of a box's logits, with its image and box."""
    numbers = ["-" if number is None else f"{number:.8g}" for number in (of.total, of.localization, of.confidence)]
    gradient = of.logits_gradient
    if gradient is None:
        return [*numbers, "-", "-"]
    steepest = np.abs(np.nan_to_num(gradient, nan=np.inf)).max(axis=-1)  # (B, K)
    image, index = np.unravel_index(steepest.argmax(), steepest.shape)
    shown = " ".join(f"{slope:.4g}" for slope in gradient[image, index])
    return [*numbers, shown, f"image {image}, box {index}" if steepest.any() else "nowhere"]


def _coder(case: CoderCase) -> Table:
    table = _table(f"To {case.operation}", "", "0", "1", "2", "3")
    for name, values in (("default box", case.default_boxes), ("given", case.values), ("expected", case.expected)):
        table.add_row(name, *(f"{number:.8g}" for number in values[0]))
    return table


def _coded(audit: Audit) -> Table:
    table = _table("Answers", "", "0", "1", "2", "3", "verdict")
    for name, rows in audit.rows.items():
        [row] = rows.values()
        numbers = ["-"] * 4 if row.answer.boxes is None else [f"{number:.8g}" for number in row.answer.boxes[0]]
        words = Text(f"{row.judgement.verdict} {row.judgement.what}".strip(), style=STYLES[row.judgement.verdict])
        table.add_row(short_names(audit.rows)[name], *numbers, words)
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading)
    return table
