"""What was found, for a terminal of 80 columns or more."""

import shlex
from collections.abc import Iterator, Sequence

import numpy as np
from rich import box
from rich.console import Group as Lines
from rich.console import JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tf_ssd.check.balance import Balancing
from tf_ssd.check.coverage import Group, by_aspect, by_side
from tf_ssd.check.presets import ENOUGH, FITTED, Comparison, mean_iou, share, sizes
from tf_ssd.check.result import Result
from tf_ssd.check.small import too_small
from tf_ssd.check.survey import Survey
from tf_ssd.data.coverage import THRESHOLD
from tf_ssd.system.words import counted

EXAMPLES = 3  # of each kind
STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
LONGEST_LINE = 76  # of a command, without the sign that it goes on
BAR = 12  # characters of the longest bar


def render(result: Result, command: Sequence[str]) -> Iterator[RenderableType]:
    """Tables and texts, to be printed one after the other; `command` trains, and takes settings of the default boxes."""
    yield splits(result.surveys)
    yield classes(result.surveys)
    if result.balance is not None:
        yield balanced(result.balance, result.surveys[0].class_names)
    if result.comparison is not None:
        yield default_boxes(result.comparison)
        yield groups(result.comparison)
        yield small_objects(result.comparison)
        yield recommendation(result.comparison, command)
    if result.findings:
        yield kinds(result)
        yield examples(result)
    yield verdict(result)


def splits(surveys: Sequence[Survey]) -> Table:
    """Images and boxes of each split."""
    table = _table("Splits", "split", "images", "px", "boxes", "per\nimage", "images\nwithout", "difficult", "crowds")
    for survey in surveys:
        boxes = int(np.sum(~survey.crowd))
        numbers = (boxes, f"{boxes / max(1, len(survey.names)):.1f}", np.sum(survey.counts == 0))
        table.add_row(
            survey.split, str(survey.records), _px(survey), *map(str, (*numbers, np.sum(survey.difficult), np.sum(survey.crowd)))
        )
    return table


def classes(surveys: Sequence[Survey]) -> Table:
    """Boxes of each class in each split, and a bar as long as its share of the first."""
    table = _table("Classes: boxes (images)", "class", *(survey.split for survey in surveys))
    table.add_column(f"share of {surveys[0].split}", overflow="fold")
    names = list(dict.fromkeys(name for survey in surveys for name in survey.class_names))
    counts = {name: [survey.boxes_of(name) for survey in surveys] for name in names}
    most = max((len(rows[0]) for rows in counts.values()), default=0)
    total = max(1, sum(len(rows[0]) for rows in counts.values()))
    for name, by_split in counts.items():
        cells = [
            f"{len(rows)} ({len(np.unique(survey.image[rows]))})" if len(rows) else "-"
            for survey, rows in zip(surveys, by_split, strict=True)
        ]
        bar = "#" * round(BAR * len(by_split[0]) / max(1, most))
        table.add_row(Text(name), *cells, f"{bar} {len(by_split[0]) / total:.1%}")
    return table


def balanced(balance: Balancing, class_names: Sequence[str]) -> Table:
    """How often the images of each class come in an epoch."""
    table = _table(f"With --balance {balance.threshold:g}", "class", "images", "share", "factor", "in an epoch", "share then")
    all_images, epoch = max(1, len(balance.factors.images)), max(1, balance.epoch)
    columns = (balance.images, balance.factors.classes, balance.shown)
    for name, images, factor, shown in zip(class_names, *columns, strict=True):
        table.add_row(
            Text(name), str(images), f"{images / all_images:.1%}", f"{factor:.2f}", f"{shown:.0f}", f"{shown / epoch:.1%}"
        )
    table.caption = (
        f"An epoch has {counted(balance.epoch, 'image')} in place of {len(balance.factors.images)}. Shares: of its images."
    )
    table.caption_justify = "left"
    return table


def default_boxes(comparison: Comparison) -> Table:
    """Every preset, and the fitted sizes."""
    objects, images = counted(len(comparison.truth.boxes), "box"), counted(len(comparison.truth.counts), "image")
    title = f"Default boxes on {comparison.split}: {objects} in {images}"
    table = _table(title, "preset", "sizes, px", f"IoU >= {THRESHOLD}", "mean best IoU", "positives")
    for name, coverage in comparison.coverages.items():
        style = "bold" if name == comparison.chosen else None
        numbers = (f"{share(coverage):.1%}", f"{mean_iou(coverage):.3f}", f"{np.median(coverage.positives):g}")
        table.add_row(name, " ".join(f"{size:g}" for size in sizes(comparison, name)), *numbers, style=style)
    table.caption = "IoU >= 0.5: share of boxes that have such a default box. Positives: median per image. Without augmentation."
    table.caption_justify = "left"
    return table


def groups(comparison: Comparison) -> Table:
    """The chosen preset by size and by aspect of the ground truth."""
    table = _table(f"{comparison.chosen} in detail", "boxes of", "number", "median best IoU", f"none >= {THRESHOLD}")
    chosen = comparison.coverages[comparison.chosen]
    _add_groups(table, by_side(comparison.truth, chosen))
    table.add_section()
    _add_groups(table, by_aspect(comparison.truth, chosen))
    return table


def small_objects(comparison: Comparison) -> RenderableType:
    """How many objects are too small for the network's input, and in which tiles they would not be."""
    config = comparison.coverages[comparison.chosen].config
    small = too_small(comparison.truth, config)
    side = f"{small.side_px:.0f} x {small.side_px:.0f} px"
    rule = f"less than {side} of it, half the area of the smallest default box, overlaps none by {THRESHOLD}"
    text = f"Too small for an input of {config.image_size} px: {small.shares[0]:.1%} of the boxes; {rule}."
    if small.tiles is None:
        text += f" In {len(small.shares)} x {len(small.shares)} tiles it would still be {small.shares[-1]:.1%}."
    elif small.tiles > 1:
        text += f" With --tiles {small.tiles} of predict and evaluate it would be {small.shares[small.tiles - 1]:.1%}."
    return Padding(text, (0, 0, 1, 0))


def recommendation(comparison: Comparison, command: Sequence[str]) -> RenderableType:
    """What other sizes would do, in words, and the `command` with them, to be pasted."""
    name, best = comparison.recommended, comparison.coverages[comparison.recommended]
    if name == comparison.chosen:
        return Padding(_no_better(comparison), (0, 0, 1, 0))
    chosen = comparison.coverages[comparison.chosen]
    covered = f"a default box at {THRESHOLD} for {share(best):.1%} of the boxes, {comparison.chosen} for {share(chosen):.1%}"
    if name != FITTED:
        text, flags = f"{name} has {covered}.", ["--default-boxes", name]
    else:
        preset = f" Of the presets, {comparison.best_preset} covers most." if comparison.best_preset != comparison.chosen else ""
        text, flags = (
            f"Sizes fitted to these boxes have {covered}.{preset}",
            ["--box-sizes", *(f"{size:g}" for size in sizes(comparison, name))],
        )
    advice = "To train with them, from random weights or with new heads on other --weights:"
    return Text(f"{text} {advice}\n\n{_pasted([*command, *flags])}\n")  # not padded: no blanks may follow the backslashes


def _no_better(comparison: Comparison) -> str:
    """That the chosen preset suits the data, or that nothing found does."""
    name, covered = comparison.chosen, share(comparison.coverages[comparison.chosen])
    if covered >= ENOUGH:
        return f"{name} suits this data: no other sizes found cover notably more."
    few = f"{name} has a default box at {THRESHOLD} for {covered:.1%} of the boxes, less than {ENOUGH:.0%}"
    return f"{few}, and no other sizes found have notably more; the table above shows which sizes and shapes are not covered."


def _pasted(command: Sequence[str]) -> str:
    """A command for a shell, on lines short enough for a terminal."""
    lines = [""]
    for word in map(shlex.quote, command):
        if lines[-1] and len(lines[-1]) + len(word) > LONGEST_LINE:
            lines.append(" ")
        lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return " \\\n".join(lines)


def kinds(result: Result) -> Table:
    """How many of each kind in each split."""
    table = _table("Findings", "", "kind", *result.splits())
    for (severity, kind), alike in result.by_kind().items():
        counts = [sum(finding.split == name for finding in alike) for name in result.splits()]
        table.add_row(Text(severity, STYLES[severity]), kind, *(str(count) if count else "-" for count in counts))
    return table


def examples(result: Result) -> RenderableType:
    """The first of each kind in full."""
    lines: list[RenderableType] = []
    for (severity, kind), alike in result.by_kind().items():
        lines.append(Text.assemble((severity, STYLES[severity]), f" {kind}: {len(alike)}"))
        lines += [Padding(Text(finding.message), (0, 0, 0, 2)) for finding in alike[:EXAMPLES]]
        if len(alike) > EXAMPLES:
            lines.append(Padding(f"and {len(alike) - EXAMPLES} more; --json FILE has all", (0, 0, 0, 2)))
    return Padding(Lines(*lines), (0, 0, 1, 0))


def verdict(result: Result) -> Text:
    """One line."""
    warnings = counted(result.count("warning"), "warning")
    if result.count("error"):
        return Text(f"{counted(result.count('error'), 'error')}, {warnings}: training would stop, or lose images", STYLES["error"])
    return Text(f"no errors, {warnings}", "bold green")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        justify: JustifyMethod = "left" if number == 0 or column in ("kind", "sizes, px", "px") else "right"
        table.add_column(column, justify=justify, overflow="fold")  # however narrow the terminal is, nothing is cut
    return table


def _add_groups(table: Table, members: Sequence[Group]) -> None:
    for group in members:
        table.add_row(group.name, str(group.boxes), f"{group.median_iou:.2f}", f"{group.uncovered:.1%}")


def _px(survey: Survey) -> str:
    """The size of the images, or the smallest and the largest."""
    seen = sorted({tuple(size) for size in survey.sizes.tolist() if size[0]}, key=lambda size: size[0] * size[1])
    if not seen:
        return "-"
    shown = seen if len(seen) == 1 else (seen[0], seen[-1])
    return " to ".join(f"{width}x{height}" for width, height in shown)
