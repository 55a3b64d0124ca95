"""The audit for a terminal: a table of all cases, what was found, and a line for each implementation."""

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import Case, CoderCase
from tf_ssd.audit.cases.ledger import expected
from tf_ssd.audit.judge import BROKEN, Verdict
from tf_ssd.audit.run import Audit, Row

STYLES: dict[Verdict, str] = {
    "ok": "green",
    "difference": "yellow",
    "fault": "bold red",
    "error": "bold red",
    "timeout": "bold red",
    "n/a": "dim",
}
SAID: tuple[Verdict, ...] = ("fault", "error", "timeout", "difference")  # the verdicts explained below the table, in this order


def render(audit: Audit) -> Iterator[RenderableType]:
    """Tables and texts, to be printed one after the other."""
    yield verdicts(audit)
    for name in audit.rows:
        yield from said(audit, name)
    yield summary(audit)


def verdicts(audit: Audit) -> Table:
    """A row for each case: what is expected, and what each implementation answered."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Edge cases: loss, and verdict", title_justify="left")
    table.add_column("case", no_wrap=True)
    table.add_column("expected", justify="right")
    for name in audit.rows:
        table.add_column(short(name), justify="right", overflow="fold", min_width=15)
    group = ""
    for case in audit.cases:
        if case.about.group != group:
            group = case.about.group
            table.add_row(Text(group, style="bold"))
        cells = [cell(rows[case.about.name]) for rows in audit.rows.values()]
        table.add_row(f"  {case.about.name}", wanted(case), *cells)
    return table


def said(audit: Audit, name: str) -> Iterator[RenderableType]:
    """What one implementation does otherwise, with all cases in which it does so."""
    for verdict in SAID:
        together: dict[str, list[str]] = {}
        for case, row in audit.rows[name].items():
            if row.judgement.verdict == verdict:
                together.setdefault(row.judgement.what, []).append(case)
        for what, cases in together.items():
            line = Text.assemble((f"{short(name)}: {verdict}: ", STYLES[verdict]), what)
            yield line
            yield Padding(Text(", ".join(cases), style="dim"), (0, 0, 0, 4))


def summary(audit: Audit) -> Table:
    """How often each verdict was given."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Summary", title_justify="left")
    for heading in ("implementation", "computed in"):
        table.add_column(heading)
    for verdict in STYLES:
        table.add_column(verdict, justify="right")
    for name in audit.rows:
        numbers = [audit.count(name, verdict) for verdict in STYLES]
        cells = [
            Text(str(number), style=STYLES[verdict] if number else "dim") for verdict, number in zip(STYLES, numbers, strict=True)
        ]
        table.add_row(short(name), audit.dtypes[name], *cells)
    return table


def cell(row: Row) -> Text:
    """The value, and the verdict unless it is "ok": in capitals if it breaks a rule, else its first four letters."""
    verdict = row.judgement.verdict
    word = "" if verdict == "ok" else f" {verdict.upper() if verdict in BROKEN else verdict[:4]}"
    return Text(f"{value(row.answer)}{word}".strip(), style=STYLES[verdict])


def value(answer: Answer) -> str:
    """The number shown for an answer: a loss's total, the last number of a coder's first row, or a matcher's count of positives."""
    if answer.total is not None:
        return f"{answer.total:.5g}"
    if answer.boxes is not None:
        return f"{answer.boxes[0][-1]:.5g}"
    return "" if answer.rows is None else f"{int((answer.rows >= 0).sum())} pos."


def wanted(case: Case) -> str:
    """The number that is expected: the total, or the last number of a coder's first row."""
    return f"{case.expected[0][-1]:.5g}" if isinstance(case, CoderCase) else f"{expected(case).total:.5g}"


def short(name: str) -> str:
    """The function's or the module's own name, for a heading."""
    return name if ":" not in name else name.rpartition(":")[0].rpartition(".")[2] + ":" + name.rpartition(":")[2]
