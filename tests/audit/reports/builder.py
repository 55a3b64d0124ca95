"""Audits made without asking anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import Case, CoderCase
from tf_ssd.audit.cases.catalogue import BY_NAME
from tf_ssd.audit.cases.ledger import expected
from tf_ssd.audit.judge import judge
from tf_ssd.audit.run import Audit, Row

FEW = ("no-labels-alone", "one-object", "three-hardest-negatives", "ties-at-the-cut", "encode-itself")
DOUBLED = "double"  # an answer of twice the right loss
TIE = "tie"  # the right loss with another of the equally hard negatives


def right(case: Case) -> Answer:
    return Answer("answered", boxes=case.expected) if isinstance(case, CoderCase) else Answer("answered", **vars(expected(case)))


def other(case: Case, how: str | Answer) -> Answer:
    if isinstance(how, Answer):
        return how
    answer = right(case)
    if how == TIE:
        slopes = answer.logits_gradient[:, [19, *range(1, 19), 0, 20]]
        return replace(answer, logits_gradient=slopes)
    return replace(answer, total=2 * answer.total)


def audit_of(
    answers: Mapping[str, Mapping[str, str | Answer]], *, cases: Sequence[str] = FEW, dtype: str = "float32", **settings: Any
) -> Audit:
    """An audit of some losses, first in `answers` what is audited, whose answers are right but where it says otherwise."""
    asked = [BY_NAME[name] for name in cases]
    rows = {}
    for name, wrong in answers.items():
        given = {
            case.about.name: other(case, wrong[case.about.name]) if case.about.name in wrong else right(case) for case in asked
        }
        rows[name] = {
            case.about.name: Row(given[case.about.name], judge(case, given[case.about.name], dtype=dtype)) for case in asked
        }
    audited = tuple(name for name in answers if name not in ("tf_ssd", "reference_torch", "torchvision")) or ("tf_ssd",)
    return Audit(tuple(asked), rows, dict.fromkeys(rows, dtype), **{"audited": audited, **settings})
