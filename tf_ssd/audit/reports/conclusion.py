"""What an audit comes to, in lines that a person can act on: what is wrong, what explains it, and what to do next."""

import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tf_ssd.audit.judge import BROKEN, Verdict
from tf_ssd.audit.reports.names import short_names
from tf_ssd.audit.run import Audit

MOST = 10  # rows of a screen
INDENT = 2  # columns before a line that is no headline
HEADLINE, ERRORS, NEXT, ALTERNATIVES, UNEXPLAINED, BOXES, REST = range(7)  # what is left out last comes first
ORDER = (HEADLINE, ERRORS, ALTERNATIVES, UNEXPLAINED, BOXES, REST, NEXT)  # in which they are read
SHOWN = 3  # sentences of a kind


@dataclass(frozen=True)
class Line:
    """One sentence of a conclusion. Where there is room for few, a low `rank` stays, and of one rank a low `turn`."""

    rank: int
    text: str
    turn: int = 0


@dataclass(frozen=True)
class Conclusion:
    """All sentences about one implementation, the headline first; `name` is short, `verdict` is its worst."""

    implementation: str
    name: str
    verdict: Verdict
    lines: tuple[Line, ...]


def conclusions(audit: Audit) -> tuple[Conclusion, ...]:
    """One for each loss that is audited, and for tf_ssd if it breaks a rule."""
    beside = "tf_ssd" in audit.rows and "tf_ssd" not in audit.audited and bool(audit.failed("tf_ssd"))
    return tuple(_conclusion(audit, name) for name in (*audit.audited, *["tf_ssd"] * beside))


def fitting(found: Sequence[Conclusion], width: int, *, most: int = MOST) -> list[tuple[Conclusion, Line]]:
    """The lines for a screen of `width` columns, in their order.

    All headlines stay, all errors that a diagnosis names, and one thing to do next; what else fits fills it up to `most` rows.
    """
    kept: set[int] = set()
    left, ranks = most, set()
    for line in sorted((line for about in found for line in about.lines), key=lambda line: (line.rank, line.turn)):
        rows = len(textwrap.wrap(line.text, max(width - INDENT, 1)))
        first_next = line.rank == NEXT and NEXT not in ranks
        if line.rank <= ERRORS or first_next or (rows <= left and line.rank != NEXT):
            kept.add(id(line))
            ranks.add(line.rank)
            left -= rows
    return [(about, line) for about in found for line in about.lines if id(line) in kept]


def _conclusion(audit: Audit, name: str) -> Conclusion:
    counts: dict[Verdict, int] = {verdict: audit.count(name, verdict) for verdict in (*BROKEN, "difference")}
    verdict: Verdict = next((verdict for verdict, count in counts.items() if count), "ok")
    sentences: dict[int, Iterable[str]] = {
        HEADLINE: [f"{short_names(audit.rows)[name]}: {_headline(audit, name)}"],
        REST: _rest(audit, name),
    }
    if len(audit.cases) > 1:  # one answer explains nothing, or many things
        sentences |= {ERRORS: _errors(audit, name), ALTERNATIVES: _alternatives(audit, name)}
        sentences |= {UNEXPLAINED: _unexplained(audit, name), BOXES: _boxes(audit, name)}
    sentences[NEXT] = _next(audit, name)
    lines = [Line(rank, text, turn) for rank in ORDER for turn, text in enumerate(sentences.get(rank, ()))]
    return Conclusion(name, short_names(audit.rows)[name], verdict, tuple(lines))


def _headline(audit: Audit, name: str) -> str:
    asked = len(audit.cases) - audit.count(name, "n/a")
    answers = counted(asked, "answer")
    counts = {verdict: audit.count(name, verdict) for verdict in (*BROKEN, "difference")}
    broken = sum(counts[verdict] for verdict in BROKEN)
    others = f"{counts['difference']} differ{'s' * (counts['difference'] == 1)} by convention" if counts["difference"] else ""
    if not asked:
        return "no case could be asked"
    if not broken:
        return f"no rule is broken in {answers}" + (f"; {others}" if others else "")
    kinds = ", ".join(counted(counts[verdict], verdict) for verdict in BROKEN if counts[verdict])
    if asked > 1 and all(row.answer.status != "answered" for row in audit.rows[name].values()):
        return f"none of {counted(asked, 'case')} is answered ({kinds})"
    return f"{broken} of {answers} break{'s' * (broken == 1)} a rule ({kinds})" + (f"; {others}" if others else "")


def _errors(audit: Audit, name: str) -> Iterator[str]:
    diagnosis = audit.diagnoses.get(name)
    if diagnosis is not None and diagnosis.errors:
        sure = "one of several that explain" if diagnosis.unsure else "explains"
        yield f"{sure} {len(diagnosis.explained)} of {diagnosis.of} answers: {'; '.join(diagnosis.errors)}"


def _alternatives(audit: Audit, name: str) -> Iterator[str]:
    diagnosis = audit.diagnoses.get(name)
    if diagnosis is not None and diagnosis.alternatives:
        more = len(diagnosis.alternatives) - SHOWN
        shown = "; or ".join(_other(errors, diagnosis.errors) for errors in diagnosis.alternatives[:SHOWN])
        yield f"unsure, as these explain as much: {shown}" + (f"; and {more} more" if more > 0 else "")


def _other(errors: Sequence[str], named: Sequence[str]) -> str:
    """Other errors than those that are named: in words only where they differ."""
    instead = [error for error in named if error not in errors]
    if len(instead) == len(named):
        return " with ".join(errors)
    new = " with ".join(error for error in errors if error not in named) or "nothing"
    return f"{new} (instead of: {'; '.join(instead) or 'nothing'})"


def _unexplained(audit: Audit, name: str) -> Iterator[str]:
    """What happens most often in cases that no named error explains."""
    diagnosis = audit.diagnoses.get(name)
    explained = diagnosis.explained if diagnosis is not None and diagnosis.errors else ()
    outcomes = audit.outcomes(name)
    judgements = [row.judgement for case, row in audit.rows[name].items() if case not in explained and outcomes[case] == "failed"]
    for (verdict, what), count in Counter((judgement.verdict, judgement.what) for judgement in judgements).most_common(SHOWN):
        yield f"{counted(count, verdict)}: {what}"


def _boxes(audit: Audit, name: str) -> Iterator[str]:
    diagnosis = audit.diagnoses.get(name)
    if diagnosis is not None:
        yield from diagnosis.boxes[:SHOWN]


def _rest(audit: Audit, name: str) -> Iterator[str]:
    outcomes = Counter(audit.outcomes(name).values())
    if outcomes["accepted"]:
        yield f"accepted: {counted(outcomes['accepted'], 'case')} may fail, as --accepted says"
    rows = [row for row in audit.rows[name].values() if row.judgement.verdict == "n/a"]
    if rows:
        reasons = Counter(row.judgement.what for row in rows).most_common(SHOWN)
        yield f"not asked: {counted(len(rows), 'case')} ({', '.join(f'{reason}: {count}' for reason, count in reasons)})"


def _next(audit: Audit, name: str) -> Iterator[str]:
    """What to do: the list of accepted cases first, then the first case that fails."""
    outcomes = audit.outcomes(name)
    mended = [case for case, found in outcomes.items() if found == "mended"]
    if mended:
        yield f"next: take out of the accepted cases what is right now: {', '.join(mended)}"
    failed = [case for case, found in outcomes.items() if found == "failed"]
    if failed and len(audit.cases) > 1:
        impl = "" if name == "tf_ssd" else f" --impl {shlex.quote(name)}"
        scores = " --scores sigmoid" if any(getattr(case, "scores", "") == "sigmoid" for case in audit.cases) else ""
        dtype = " --dtype float64" if audit.dtypes[name] == "float64" else ""
        yield f"next: python -m tf_ssd.audit{impl}{scores}{dtype} --case {failed[0]}"


def counted(count: int, noun: str) -> str:
    """A number of things."""
    return f"{count} {noun}{'s' * (count != 1)}"
