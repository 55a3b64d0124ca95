"""The audit as plain data, for --json."""

from typing import Any

import numpy as np

from tf_ssd import __version__
from tf_ssd.audit.cases.answer import Answer, to_json
from tf_ssd.audit.cases.case import Case, CoderCase
from tf_ssd.audit.cases.ledger import expected
from tf_ssd.audit.reports.conclusion import conclusions
from tf_ssd.audit.reports.table import STYLES
from tf_ssd.audit.run import Audit


def json_report(audit: Audit) -> dict[str, Any]:
    """Every case with what is expected and every answer. NaN and infinities become words: JSON has no such numbers."""
    summary = {name: {verdict: audit.count(name, verdict) for verdict in STYLES} for name in audit.rows}
    cases = [{**_case(case), "answers": {name: _row(audit, name, case.about.name) for name in audit.rows}} for case in audit.cases]
    return {"tf_ssd": __version__, "dtypes": audit.dtypes, "summary": summary, "conclusions": _conclusions(audit), "cases": cases}


def _conclusions(audit: Audit) -> dict[str, list[str]]:
    return {about.name: [line.text for line in about.lines] for about in conclusions(audit)}


def _case(case: Case) -> dict[str, Any]:
    about = {
        "name": case.about.name,
        "group": case.about.group,
        "rule": case.about.rule,
        "numbers": list(case.about.numbers),
        "why": case.about.why,
    }
    if isinstance(case, CoderCase):
        return {**about, "expected": {"boxes": spelled(case.expected.tolist())}}
    wanted = expected(case)
    numbers = {name: spelled(getattr(wanted, name)) for name in ("total", "localization", "confidence")}
    by_hand = {} if case.by_hand is None else {"by_hand": case.by_hand[0]}
    return {**about, **by_hand, "settings": case.settings, "expected": numbers}


def _row(audit: Audit, name: str, case: str) -> dict[str, Any]:
    answer, judgement = audit.rows[name][case].answer, audit.rows[name][case].judgement
    return {"verdict": judgement.verdict, "outcome": audit.outcomes(name)[case], "what": judgement.what, **_answer(answer)}


def _answer(answer: Answer) -> dict[str, Any]:
    left_out = ("message", "offsets_gradient", "logits_gradient")  # the verdict says what was wrong with these
    return {name: spelled(value) for name, value in to_json(answer).items() if value is not None and name not in left_out}


def spelled(value: Any) -> Any:
    """Floats that are not finite as "nan", "inf" and "-inf", also within lists."""
    if isinstance(value, list):
        return [spelled(item) for item in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value
