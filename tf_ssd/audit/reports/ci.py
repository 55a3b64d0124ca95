"""The audit for continuous integration: JUnit's XML, and the annotations of GitHub's workflows. Only audited losses can fail."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from tf_ssd.audit.judge import BROKEN
from tf_ssd.audit.reports.conclusion import conclusions
from tf_ssd.audit.reports.table import findings
from tf_ssd.audit.run import Audit, Row

UNPRINTABLE = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 has no characters for
Place = tuple[str, int]  # a file and a line in it


def junit(audit: Audit) -> str:
    """A suite for each audited loss, a test for each case. Accepted cases are skipped; differences pass and are written out."""
    root = ElementTree.Element("testsuites", name="tf_ssd.audit")
    for name in audit.audited:
        outcomes = audit.outcomes(name)
        found = list(outcomes.values())
        counts = {
            "tests": len(found),
            "failures": sum(outcome in ("failed", "mended") for outcome in found),
            "errors": 0,
            "skipped": sum(outcome in ("accepted", "skipped") for outcome in found),
        }
        suite = ElementTree.SubElement(root, "testsuite", {"name": name, **{key: str(count) for key, count in counts.items()}})
        for case in audit.cases:
            row = audit.rows[name][case.about.name]
            time = f"{row.answer.seconds:.3f}"
            test = ElementTree.SubElement(suite, "testcase", classname=_printable(name), name=case.about.name, time=time)
            reason = audit.accepted.get(name, {}).get(case.about.name, "")
            _outcome(test, outcomes[case.about.name], row, reason, f"rule: {case.about.cited}\nwhy: {case.about.why}")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def github(audit: Audit, places: Mapping[str, Place]) -> str:
    """Workflow commands: what the audit comes to, and each finding with its cases. `places` says where a loss is defined."""
    lines = []
    for about in conclusions(audit):
        name = about.implementation
        level = "error" if audit.failed(name) else "notice"
        lines.append(_command(level, about.name, "\n".join(line.text for line in about.lines), places.get(name)))
        outcomes = audit.outcomes(name)
        for verdict, what, cases in findings(audit, name):
            level = (
                "notice" if verdict not in BROKEN else "error" if any(outcomes[case] == "failed" for case in cases) else "warning"
            )
            lines.append(_command(level, f"{about.name}: {verdict}", f"{what}\n{', '.join(cases)}", places.get(name)))
    return "\n".join(lines) + "\n"


def _outcome(test: ElementTree.Element, outcome: str, row: Row, reason: str, rule: str) -> None:
    verdict, what = row.judgement.verdict, _printable(row.judgement.what)
    if outcome == "failed":
        ElementTree.SubElement(test, "failure", type=verdict, message=what).text = rule
    elif outcome == "mended":
        message = "does not fail any more; take it out of the accepted cases"
        ElementTree.SubElement(test, "failure", type=outcome, message=message).text = rule
    elif outcome == "accepted":
        ElementTree.SubElement(test, "skipped", message=_printable(f"accepted: {reason} ({verdict}: {row.judgement.what})"))
    elif outcome == "skipped":
        ElementTree.SubElement(test, "skipped", message=what)
    elif what:
        ElementTree.SubElement(test, "system-out").text = f"{verdict}: {what}"


def _command(level: str, title: str, message: str, place: Place | None) -> str:
    properties = {} if place is None else {"file": place[0], "line": str(place[1])}
    written = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in {**properties, "title": f"audit of {title}"}.items())
    return f"::{level} {written}::{_escaped(_printable(message))}"


def _escaped(text: str, more: str = "") -> str:
    """A value as GitHub's runner reads it: a line of its own, without the signs in `more`."""
    return re.sub(rf"[%\r\n{more}]", lambda sign: f"%{ord(sign[0]):02X}", text)


def _printable(text: str) -> str:
    return UNPRINTABLE.sub("?", text)
