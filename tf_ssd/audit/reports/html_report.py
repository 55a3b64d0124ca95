"""The audit as one page of HTML, which needs no other file."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tf_ssd import __version__
from tf_ssd.audit.cases.case import Case, CoderCase, LossCase
from tf_ssd.audit.reports.names import short_names
from tf_ssd.audit.reports.pictures import LEFT, RIGHT, SIDE, pictures
from tf_ssd.audit.reports.table import STYLES, value, wanted
from tf_ssd.audit.run import Audit, Row


def html_report(audit: Audit) -> str:
    """The text of the page."""
    environment = Environment(
        loader=PackageLoader("tf_ssd.audit.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cases = [_case(case, {name: rows[case.about.name] for name, rows in audit.rows.items()}) for case in audit.cases]
    groups = list(dict.fromkeys(case["group"] for case in cases))
    return environment.get_template("audit.html.j2").render(
        version=__version__,
        names=list(short_names(audit.rows).values()),
        dtypes=list(audit.dtypes.values()),
        verdicts=list(STYLES),
        counts=[[audit.count(name, verdict) for verdict in STYLES] for name in audit.rows],
        groups=[(group, [case for case in cases if case["group"] == group]) for group in groups],
        total=len(cases),
        plane={"from": LEFT * SIDE, "size": (RIGHT - LEFT) * SIDE, "side": SIDE},
    )


def _case(case: Case, rows: dict[str, Row]) -> dict[str, Any]:
    about = case.about
    answers = [
        {
            "name": short_names(rows)[name],
            "value": value(row.answer),
            "terms": _terms(row),
            "verdict": row.judgement.verdict,
            "kind": row.judgement.verdict.replace("/", ""),
            "what": row.judgement.what,
        }
        for name, row in rows.items()
    ]
    return {
        "name": about.name,
        "group": about.group,
        "rule": about.rule,
        "why": about.why,
        "wanted": wanted(case),
        "by_hand": case.by_hand[0] if isinstance(case, LossCase) and case.by_hand else "",
        "settings": _settings(case),
        "answers": answers,
        "agreed": all(answer["verdict"] in ("ok", "n/a") for answer in answers),
        "pictures": list(pictures(case, rows)) if isinstance(case, LossCase) else [],
        "rows": _rows(case, rows) if isinstance(case, CoderCase) else [],
    }


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
