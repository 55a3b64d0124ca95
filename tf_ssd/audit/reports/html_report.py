"""The audit as one page of HTML, which needs no other file."""

from collections.abc import Iterator
from typing import Any

from tf_ssd import __version__
from tf_ssd.audit.accepted import FAILED
from tf_ssd.audit.cases.case import Case, CoderCase, LossCase
from tf_ssd.audit.reports.conclusion import HEADLINE, NEXT, Conclusion, Line, conclusions
from tf_ssd.audit.reports.names import short_names
from tf_ssd.audit.reports.pictures import LEFT, RIGHT, SIDE, pictures
from tf_ssd.audit.reports.table import COLUMNS, STYLES, value, wanted
from tf_ssd.audit.run import Audit, Row
from tf_ssd.drawing.pages import page
from tf_ssd.system.words import counted


def html_report(audit: Audit) -> str:
    """The text of the page."""
    ordered = (*audit.audited, *[name for name in audit.rows if name not in audit.audited])
    cases = [_case(audit, case, {name: audit.rows[name][case.about.name] for name in ordered}) for case in audit.cases]
    groups: dict[str, list[dict[str, Any]]] = {}
    for case in cases:
        groups.setdefault(case["group"], []).append(case)
    names = short_names(audit.rows)
    return page(
        "tf_ssd.audit.reports",
        "audit",
        version=__version__,
        conclusions=[_conclusion(audit, about) for about in conclusions(audit)],
        ranks={"headline": HEADLINE, "next": NEXT},
        audited=[names[name] for name in audit.audited],
        witnesses=[names[name] for name in ordered if name not in audit.audited],
        verdicts=list(STYLES),
        counts=[(names[name], audit.dtypes[name], [audit.count(name, verdict) for verdict in STYLES]) for name in ordered],
        groups=[
            (group, " ".join(set.intersection(*(case["classes"] for case in members))), members)
            for group, members in groups.items()
        ],
        total=counted(len(cases), "edge case"),
        columns=COLUMNS,
        plane={"from": LEFT * SIDE, "size": (RIGHT - LEFT) * SIDE, "side": SIDE},
    )


def _case(audit: Audit, case: Case, rows: dict[str, Row]) -> dict[str, Any]:
    about = case.about
    answers = [
        {
            "name": short_names(rows)[name],
            "audited": name in audit.audited,
            "value": value(row.answer),
            "terms": _terms(row),
            "verdict": row.judgement.verdict,
            "kind": row.judgement.verdict.replace("/", ""),
            "accepted": audit.outcomes(name)[about.name] == "accepted",
            "what": row.judgement.what,
        }
        for name, row in rows.items()
    ]
    return {
        "name": about.name,
        "group": about.group,
        "rule": about.cited,
        "why": about.why,
        "wanted": wanted(case),
        "by_hand": case.by_hand[0] if isinstance(case, LossCase) and case.by_hand else "",
        "settings": _settings(case),
        "answers": answers,
        "classes": set(_classes(audit, case)),
        "pictures": list(pictures(case, rows)) if isinstance(case, LossCase) else [],
        "rows": _rows(case, rows) if isinstance(case, CoderCase) else [],
    }


def _classes(audit: Audit, case: Case) -> Iterator[str]:
    """By which the page's filter hides a case: all agree on it, or no audited loss fails it."""
    if all(rows[case.about.name].judgement.verdict in ("ok", "n/a") for rows in audit.rows.values()):
        yield "agreed"
    if not any(audit.outcomes(name)[case.about.name] in FAILED for name in audit.audited):
        yield "passed"


def _conclusion(audit: Audit, about: Conclusion) -> tuple[Conclusion, list[Line], str]:
    """With all its lines, but one thing alone to do next, and the first case that it fails."""
    lines = [line for line in about.lines if line.rank != NEXT or line.turn == 0]
    return about, lines, next(iter(audit.failed(about.implementation)), "")


def _terms(row: Row) -> str:
    answer = row.answer
    return "" if answer.localization is None else f"boxes {answer.localization:.6g}, classes {answer.confidence:.6g}"


def _settings(case: Case) -> str:
    if isinstance(case, CoderCase):
        return ""
    return ", ".join([*(f"{name}={setting}" for name, setting in case.settings.items()), *["float16 predictions"] * case.half])


def _rows(case: CoderCase, rows: dict[str, Row]) -> list[tuple[str, list[str]]]:
    """Rows of four numbers: what is given, what is expected, and what each implementation answered."""
    given = [("default box", case.default_boxes), (f"to {case.operation}", case.values), ("expected", case.expected)]
    given += [(short_names(rows)[name], row.answer.boxes) for name, row in rows.items() if row.answer.boxes is not None]
    return [(name, [f"{number:.7g}" for number in numbers[0]]) for name, numbers in given]
