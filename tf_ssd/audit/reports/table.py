"""The audit for a terminal: a table of cases, what was found, a line for each implementation, and what it comes to."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import Case, CoderCase
from tf_ssd.audit.cases.ledger import expected
from tf_ssd.audit.judge import BROKEN, Verdict
from tf_ssd.audit.reports.conclusion import HEADLINE, INDENT, conclusions, fitting, left_out
from tf_ssd.audit.reports.names import short_names
from tf_ssd.audit.run import Audit, Row
from tf_ssd.system.words import counted

STYLES: dict[Verdict, str] = {
    "ok": "green",
    "difference": "yellow",
    "fault": "bold red",
    "error": "bold red",
    "timeout": "bold red",
    "n/a": "dim",
}
COLUMNS = (
    "expected and answers: the total of a loss; the last number that encode and decode give for their first row; how many boxes a "
    "matcher calls positive."
)
SAID: tuple[Verdict, ...] = ("fault", "error", "timeout", "difference")  # the verdicts explained below the table, in this order


@dataclass(frozen=True)
class Layout:
    """How much of the answers a table shows. Witnesses are the implementations that nobody asks about."""

    case: int  # widest column of names
    audited: int  # widest column of answers
    witnesses: Literal["apart", "together", "worst"]  # a column for each, one for those that are not right, or the worst verdict
    values: bool = True


LAYOUTS = (  # the first that fits is taken
    Layout(40, 18, "apart"),
    Layout(40, 18, "together"),
    Layout(36, 18, "worst"),
    Layout(34, 9, "worst", values=False),
)


def render(audit: Audit, *, width: int, every: bool = False) -> Iterator[RenderableType]:
    """Tables and texts, one after the other; with `every`, also the cases that are right, and what the witnesses do otherwise."""
    cases = [case for case in audit.cases if every or _noteworthy(audit, case)]
    if cases:
        tables = [verdicts(audit, cases, layout) for layout in LAYOUTS]
        yield next((table for table in tables if natural_width(table) <= width), tables[-1])
        yield Text(f"{COLUMNS} --case NAME shows all numbers of a case.", style="dim")
    for about, line in left_out(conclusions(audit), width):
        yield Text(line.text if line.rank == HEADLINE else f"{about.name}: {line.text}")
    for name in audit.rows if every else audit.audited:
        yield from said(audit, name, every=every)
    yield summary(audit)


def conclusion(audit: Audit, *, width: int) -> Iterator[RenderableType]:
    """The last lines: what it comes to. What they leave out or cut stands in full below the table."""
    for about, line in fitting(conclusions(audit), width):
        headline = line.rank == HEADLINE
        style = f"bold {STYLES[about.verdict].removeprefix('bold ')}" if headline else ""
        yield Padding(Text(line.text, style=style), (0, 0, 0, 0 if headline else INDENT))


def verdicts(audit: Audit, cases: Sequence[Case], layout: Layout) -> Table:
    """A row for each case: what the audited losses answered, what is expected, and what the witnesses answered."""
    names, witnesses = short_names(audit.rows), [name for name in audit.rows if name not in audit.audited]
    left = len(audit.cases) - len(cases)
    title = "Edge cases: loss, and verdict" + f" ({left} more {'is' if left == 1 else 'are'} right: --all)" * bool(left)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    table.add_column("case", overflow="fold", max_width=layout.case)
    for name in audit.audited:
        table.add_column(names[name], justify="right", overflow="fold", max_width=layout.audited)
    if layout.values:
        table.add_column("expected", justify="right")
    apart = layout.witnesses == "apart"
    for name in witnesses if apart else ["witnesses"] * bool(witnesses):
        table.add_column(names.get(name, name), justify="right", overflow="fold", max_width=16)
    group = ""
    for case in cases:
        if case.about.group != group:
            group = case.about.group
            table.add_row(Text(group, style="bold"))
        rows = {name: answers[case.about.name] for name, answers in audit.rows.items()}
        given = [cell(rows[name], accepted=_accepted(audit, name, case), with_value=layout.values) for name in audit.audited]
        others = [cell(rows[name]) for name in witnesses] if apart else [together(rows, witnesses, layout)]
        table.add_row(f"  {case.about.name}", *given, *[wanted(case)] * layout.values, *others[: len(witnesses)])
    return table


def natural_width(table: Table) -> int:
    """Columns that a table takes if it is given all it wants."""
    console = Console(width=10_000, file=io.StringIO())
    return Measurement.get(console, console.options, table).maximum


def _noteworthy(audit: Audit, case: Case) -> bool:
    return any(audit.rows[name][case.about.name].judgement.verdict not in ("ok", "n/a") for name in audit.audited)


def _accepted(audit: Audit, name: str, case: Case) -> bool:
    return audit.outcomes(name)[case.about.name] == "accepted"


def said(audit: Audit, name: str, *, every: bool) -> Iterator[RenderableType]:
    """What one implementation does otherwise, with all cases in which it does so; what its diagnosis explains only with `every`."""
    diagnosis, short = audit.diagnoses.get(name), short_names(audit.rows)[name]
    explained = set() if every or diagnosis is None or not diagnosis.errors else set(diagnosis.explained)
    found = list(findings(audit, name))
    shown = [finding for finding in found if not explained.issuperset(finding[2])]
    for verdict, what, cases in shown:
        yield Text.assemble((f"{short}: {verdict}: ", STYLES[verdict]), what)
        yield Padding(Text(", ".join(cases), style="dim"), (0, 0, 0, 4))
    if len(found) > len(shown):
        more = counted(len(found) - len(shown), "more finding")
        yield Text(f"{short}: {more}, explained by the last lines: --all", style="dim")


def findings(audit: Audit, name: str) -> Iterator[tuple[Verdict, str, list[str]]]:
    """(verdict, what, cases) of all that one implementation does otherwise, the worst first."""
    for verdict in SAID:
        found: dict[str, list[str]] = {}
        for case, row in audit.rows[name].items():
            if row.judgement.verdict == verdict:
                found.setdefault(row.judgement.what, []).append(case)
        for what, cases in found.items():
            yield verdict, what, cases


def summary(audit: Audit) -> Table:
    """How often each verdict was given."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Summary", title_justify="left")
    table.add_column("", overflow="fold", max_width=30)
    table.add_column("computed in", max_width=8)
    for verdict in STYLES:
        table.add_column(verdict, justify="right")
    for name in audit.rows:
        numbers = [audit.count(name, verdict) for verdict in STYLES]
        cells = [
            Text(str(number), style=STYLES[verdict] if number else "dim") for verdict, number in zip(STYLES, numbers, strict=True)
        ]
        table.add_row(short_names(audit.rows)[name], audit.dtypes[name], *cells)
    return table


def cell(row: Row, *, accepted: bool = False, with_value: bool = True) -> Text:
    """The value, and the verdict unless it is "ok": in capitals if it breaks a rule that it may not break."""
    verdict = row.judgement.verdict
    word = (
        "accepted" if accepted else verdict.upper() if verdict in BROKEN else {"ok": "", "difference": "diff"}.get(verdict, verdict)
    )
    style = STYLES["difference"] if accepted else STYLES[verdict]
    return Text(f"{value(row.answer)} {word}".strip() if with_value else word or verdict, style=style)


def together(rows: Mapping[str, Row], witnesses: Sequence[str], layout: Layout) -> Text:
    """The verdicts of all witnesses: "ok", or what else is said and by whom."""
    others = {name: rows[name].judgement.verdict for name in witnesses if rows[name].judgement.verdict not in ("ok", "n/a")}
    worst: Verdict = min(others.values(), key=SAID.index, default="ok")
    words = [worst] if layout.witnesses == "worst" else [f"{name} {verdict}" for name, verdict in others.items()] or ["ok"]
    return Text(" ".join(words).replace("difference", "diff"), style=STYLES[worst])


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
