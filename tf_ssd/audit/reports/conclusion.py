"""What an audit comes to, in lines that a person can act on: what is wrong, what explains it, and what to do next."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rich.console import Console
from rich.text import Text

from tf_ssd.audit.judge import BROKEN, Verdict
from tf_ssd.audit.reports.names import short_names
from tf_ssd.audit.run import Audit
from tf_ssd.system.words import counted

MOST = 10  # rows of a screen
INDENT = 2  # columns before a line that is no headline
HEADLINE, ERRORS, NEXT, ALTERNATIVES, UNEXPLAINED, BOXES, REST = range(7)  # what is left out last comes first
ORDER = (HEADLINE, ERRORS, ALTERNATIVES, UNEXPLAINED, BOXES, REST, NEXT)  # in which they are read
SHOWN = 3  # sentences of a kind
PLAIN = Console()  # which wraps text as any other does


@dataclass(frozen=True)
class Line:
    """One sentence of a conclusion. Where there is room for few, a low `rank` stays, and of one rank a low `turn`.

    Its `parts` are joined by semicolons; the first of them says most.
    """

    rank: int
    parts: tuple[str, ...]
    turn: int = 0

    @property
    def text(self) -> str:
        """The whole sentence."""
        return "; ".join(self.parts)

    def rows(self, width: int) -> int:
        """How many rows of `width` columns it takes."""
        return len(Text(self.text).wrap(PLAIN, width))

    def within(self, rows: int, width: int) -> "Line":
        """As many of its parts as `rows` rows of `width` columns hold, and how many others there are.

        Where these hold not even the first, it is cut to one row; but a command to paste stays whole.
        """
        for count in range(len(self.parts), 0, -1):
            line = replace(self, parts=self.parts[:count] + self._others(count))
            if line.rows(width) <= rows:
                return line
        if self.rank == NEXT and len(self.parts) == 1:
            return self
        others = self._others(1)
        return replace(self, parts=(_cut(self.parts[0], width - len("; ".join(("", *others)))), *others))

    def _others(self, count: int) -> tuple[str, ...]:
        """What is said of the parts that are left out after the first `count`."""
        left = len(self.parts) - count
        return (f"and {left} more above",) if left and self.rank != HEADLINE else ()


@dataclass(frozen=True)
class Conclusion:
    """All sentences about one implementation, the headline first.

    Attributes:
        implementation: its name.
        name: a short one.
        verdict: its worst.
        failed: how many cases it fails.
        lines: the sentences, in the order in which they are read.
    """

    implementation: str
    name: str
    verdict: Verdict
    failed: int
    lines: tuple[Line, ...]


def conclusions(audit: Audit) -> tuple[Conclusion, ...]:
    """One for each loss that is audited, and for tf_ssd if it breaks a rule."""
    beside = "tf_ssd" in audit.rows and "tf_ssd" not in audit.audited and bool(audit.failed("tf_ssd"))
    return tuple(_conclusion(audit, name) for name in (*audit.audited, *["tf_ssd"] * beside))


def fitting(found: Sequence[Conclusion], width: int, *, most: int = MOST) -> list[tuple[Conclusion, Line]]:
    """The lines for `most` rows of `width` columns, in their order, but what to do next at the end.

    A row for each headline and what to do next about the worst loss are always there, if need be in more rows. Then come the errors
    that diagnoses name, in a row each; then more of these errors, first about the worst loss, of the headlines, and what else fits.
    """
    room, worst = max(width - INDENT, 1), max(found, key=lambda about: about.failed)
    lines = [(about, line) for about in found for line in about.lines if line.rank != NEXT or (about is worst and line.turn == 0)]
    by_weight = sorted(range(len(lines)), key=lambda at: (lines[at][1].rank, lines[at][1].turn, -lines[at][0].failed))
    shown: dict[int, Line] = {}
    left = most
    for at in by_weight:
        brief = lines[at][1].within(1, room)
        if brief.rank <= NEXT or (brief.rank == ERRORS and left):
            shown[at] = brief
            left = max(left - brief.rows(room), 0)
    for at in sorted(by_weight, key=lambda at: lines[at][1].rank != ERRORS):
        line, before = lines[at][1], shown[at].rows(room) if at in shown else 0
        longer = line.within(before + left, room) if before else line
        if longer.rows(room) <= before + left:
            shown[at] = longer
            left -= longer.rows(room) - before
    told = [(about, shown[at]) for at, (about, _) in enumerate(lines) if at in shown]
    return sorted(told, key=lambda pair: pair[1].rank == NEXT)


def left_out(found: Sequence[Conclusion], width: int, *, most: int = MOST) -> Iterator[tuple[Conclusion, Line]]:
    """The lines that `fitting` leaves out or cuts, in full."""
    told = [(about.implementation, line) for about, line in fitting(found, width, most=most)]
    yield from ((about, line) for about in found for line in about.lines if (about.implementation, line) not in told)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 0)].rstrip() + "..."


def _conclusion(audit: Audit, name: str) -> Conclusion:
    counts: dict[Verdict, int] = {verdict: audit.count(name, verdict) for verdict in (*BROKEN, "difference")}
    verdict: Verdict = next((verdict for verdict, count in counts.items() if count), "ok")
    short = short_names(audit.rows)[name]
    sentences: dict[int, Iterable[str | tuple[str, ...]]] = {
        HEADLINE: [(f"{short}: {_headline(audit, name)}", *_conventions(audit, name))],
        REST: _rest(audit, name),
    }
    if len(audit.cases) > 1:  # one answer explains nothing, or many things
        sentences |= {ERRORS: _errors(audit, name), ALTERNATIVES: _alternatives(audit, name)}
        sentences |= {UNEXPLAINED: _unexplained(audit, name), BOXES: _boxes(audit, name)}
    sentences[NEXT] = _next(audit, name)
    numbered = [(rank, turn, said) for rank in ORDER for turn, said in enumerate(sentences.get(rank, ()))]
    lines = [Line(rank, (said,) if isinstance(said, str) else said, turn) for rank, turn, said in numbered]
    return Conclusion(name, short, verdict, len(audit.failed(name)), tuple(lines))


def _headline(audit: Audit, name: str) -> str:
    asked = len(audit.cases) - audit.count(name, "n/a")
    answers = counted(asked, "answer")
    counts = {verdict: audit.count(name, verdict) for verdict in BROKEN}
    broken = sum(counts.values())
    if not asked:
        return "no case could be asked"
    if not broken:
        return f"no rule is broken in {answers}"
    kinds = ", ".join(counted(counts[verdict], verdict) for verdict in BROKEN if counts[verdict])
    if asked > 1 and all(row.answer.status != "answered" for row in audit.rows[name].values()):
        return f"none of {counted(asked, 'case')} is answered ({kinds})"
    return f"{broken} of {answers} break{'s' * (broken == 1)} a rule ({kinds})"


def _conventions(audit: Audit, name: str) -> Iterator[str]:
    others = audit.count(name, "difference")
    if others:
        yield f"{others} differ{'s' * (others == 1)} by convention"


def _errors(audit: Audit, name: str) -> Iterator[tuple[str, ...]]:
    diagnosis = audit.diagnoses.get(name)
    if diagnosis is not None and diagnosis.errors:
        sure = "one of several that explain" if diagnosis.unsure else "explains"
        first, *others = diagnosis.errors
        yield (f"{sure} {len(diagnosis.explained)} of {counted(diagnosis.of, 'answer')}: {first}", *others)


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
    for verdict, said in (("difference", "another convention in"), ("n/a", "not asked:")):
        reasons = Counter(row.judgement.what for row in audit.rows[name].values() if row.judgement.verdict == verdict)
        if reasons:
            yield f"{said} {counted(reasons.total(), 'case')} ({_most_common(reasons)})"
    answers = [row.answer for row in audit.rows[name].values() if row.answer.total is not None]
    if answers and all(answer.logits_gradient is None for answer in answers):
        yield "gradients are not checked: there are none, as of a loss that computes with NumPy"


def _most_common(reasons: Counter[str]) -> str:
    """The most frequent reasons, each with how often, and how often others."""
    named = reasons.most_common(SHOWN)
    others = reasons.total() - sum(count for _, count in named)
    return ", ".join(f"{reason}: {count}" for reason, count in [*named, *[("others", others)] * (others > 0)])


def _next(audit: Audit, name: str) -> Iterator[str | tuple[str, ...]]:
    """What to do: the list of accepted cases first, then the first case that fails."""
    outcomes = audit.outcomes(name)
    mended = [case for case, found in outcomes.items() if found == "mended"]
    if mended:
        yield (f"next: take out of the accepted cases what is right now: {mended[0]}", *mended[1:])
    failed = [case for case, found in outcomes.items() if found == "failed"]
    if failed and len(audit.cases) > 1:
        impl = "" if name == "tf_ssd" else f" --impl {shlex.quote(name)}"
        scores = " --scores sigmoid" if any(getattr(case, "scores", "") == "sigmoid" for case in audit.cases) else ""
        dtype = " --dtype float64" if audit.dtypes[name] == "float64" else ""
        yield f"next: python -m tf_ssd.audit{impl}{scores}{dtype} --case {failed[0]}"
