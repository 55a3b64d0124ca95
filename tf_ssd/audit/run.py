"""The whole audit: every implementation in a process of its own, a few side by side, every case judged."""

import importlib.util
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from threading import Event

from tf_ssd.audit.accepted import FAILED, Accepted, Outcome, outcome
from tf_ssd.audit.asking.implementation import BUILT_IN
from tf_ssd.audit.asking.process import Process
from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import Case
from tf_ssd.audit.diagnosis.diagnosis import Diagnosis, diagnose
from tf_ssd.audit.judge import Judgement, judge
from tf_ssd.config import ScoreKind

NEEDS = {"tf_ssd": (), "reference_torch": ("reference_torch", "torch"), "torchvision": ("torchvision",)}
WITNESSES = ("reference_torch", "torchvision")  # beside tf_ssd and the audited loss; nobody asks what is wrong with them
AT_ONCE = min(max(os.cpu_count() or 1, 2), 4)  # processes, each of which holds a framework
PATIENCE = 60.0  # seconds that an implementation has at least which nobody asks about: --time-limit is meant for those audited
KINDS: dict[str, tuple[ScoreKind, ...]] = {"torchvision": ("softmax",)}  # of those that do not know both


@dataclass(frozen=True)
class Row:
    """One case as one implementation answered it."""

    answer: Answer
    judgement: Judgement


@dataclass(frozen=True)
class Audit:
    """All rows, by implementation and then by the name of the case; `dtypes` says what each implementation computed in.

    `audited` are the losses that somebody asks about, before the others in `rows`; `accepted` are the cases that they may fail.
    `diagnoses` has an entry for each implementation but the witnesses; None if all its answers are right.
    """

    cases: tuple[Case, ...]
    rows: dict[str, dict[str, Row]]
    dtypes: dict[str, str]
    diagnoses: dict[str, Diagnosis | None] = field(default_factory=dict)
    audited: tuple[str, ...] = ("tf_ssd",)
    accepted: Accepted = field(default_factory=dict)

    def count(self, implementation: str, verdict: str) -> int:
        """How many cases of an implementation have the verdict."""
        return sum(row.judgement.verdict == verdict for row in self.rows[implementation].values())

    def outcomes(self, implementation: str) -> dict[str, Outcome]:
        """What each case means for an implementation, by the name of the case."""
        accepted = self.accepted.get(implementation, {})
        rows = self.rows[implementation].items()
        return {case: outcome(row.judgement.verdict, accepted=case in accepted) for case, row in rows}

    def failed(self, implementation: str) -> tuple[str, ...]:
        """Names of the cases in which it breaks a rule that it may not break, or keeps one that it is said to break."""
        return tuple(case for case, found in self.outcomes(implementation).items() if found in FAILED)

    @property
    def broken(self) -> bool:
        """Whether an audited loss fails, or tf_ssd itself, which each of them is compared with."""
        return any(self.failed(name) for name in self.rows if name in (*self.audited, "tf_ssd"))


def installed(scores: ScoreKind = "softmax") -> tuple[str, ...]:
    """The built-in implementations that can run here and have such scores: tf_ssd, and those in PyTorch that are installed."""
    names = [name for name in BUILT_IN if scores in KINDS.get(name, (scores,))]
    return tuple(name for name in names if all(importlib.util.find_spec(module) for module in NEEDS[name]))


def audit(
    implementations: Sequence[str],
    cases: Sequence[Case],
    *,
    audited: Sequence[str] = ("tf_ssd",),
    accepted: Accepted | None = None,
    framework: str = "auto",
    dtype: str = "float32",
    time_limit: float = 20.0,
    progress: Callable[[], None] = lambda: None,
    diagnosing: Callable[[str], None] = lambda name: None,
) -> Audit:
    """Ask all implementations all cases.

    Args:
        implementations: names of `implementation.BUILT_IN`, or "package.module:function".
        cases: of the catalogue.
        audited: those of the implementations that somebody asks about.
        accepted: cases that they may fail.
        framework: of the implementations that are not built in.
        dtype: of all but reference_torch, which always computes in float64.
        time_limit: seconds for a case, of those that are audited; the others have at least `PATIENCE`.
        progress: called after each answer, from several threads.
        diagnosing: called with the name of each implementation whose answers are diagnosed, when all have answered.

    Raises:
        AuditError: an implementation cannot be loaded.
    """
    dtypes = {name: "float64" if name == "reference_torch" else dtype for name in implementations}

    stopped = Event()  # ends all threads when one implementation cannot be loaded, or the user interrupts

    def ask(name: str) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        options = {"framework": "auto" if name in BUILT_IN else framework, "dtype": dtypes[name]}
        limit = time_limit if name in audited else max(time_limit, PATIENCE)
        with Process(name, **options, time_limit=limit) as process:
            for case in cases:
                if stopped.is_set():
                    break
                answer = process.ask(case)
                rows[case.about.name] = Row(answer, judge(case, answer, dtype=dtypes[name]))
                progress()
        return rows

    with ThreadPoolExecutor(AT_ONCE) as threads:
        asked = {name: threads.submit(ask, name) for name in implementations}
        try:
            for future in as_completed(asked.values()):
                future.result()
        finally:
            stopped.set()
    rows = {name: future.result() for name, future in asked.items()}
    diagnoses = {}
    for name, answered in rows.items():
        if name in audited or name not in WITNESSES:
            diagnosing(name)
            diagnoses[name] = diagnose(cases, {case: row.answer for case, row in answered.items()}, dtype=dtypes[name])
    return Audit(tuple(cases), rows, dtypes, diagnoses, tuple(audited), accepted or {})
