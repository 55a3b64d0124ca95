"""The diagnosis of one implementation: what explains its answers, and what nothing explains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import Case, LossCase
from tf_ssd.audit.diagnosis.by_box import described
from tf_ssd.audit.diagnosis.fingerprint import given
from tf_ssd.audit.diagnosis.hypotheses import Hypothesis, of_kind
from tf_ssd.audit.diagnosis.search import search
from tf_ssd.audit.judge import judge

DETACHED = "no gradient reaches offsets and logits: the total is detached from them, or a plain number"


@dataclass(frozen=True)
class Diagnosis:
    """The fewest known errors that reproduce the most answers.

    Attributes:
        errors: a sentence for each error; empty if no known error explains anything.
        explained: names of the cases whose answers come out as these errors predict, right ones included.
        of: how many answers there are.
        alternatives: other errors, each as `errors`, that explain as many answers.
        boxes: what the gradients say, box by box, about answers that nothing explains.
        wrong: how many answers are not those of the rules.
        wrong_explained: how many of these the errors explain.
    """

    errors: tuple[str, ...]
    explained: tuple[str, ...]
    of: int
    alternatives: tuple[tuple[str, ...], ...] = ()
    boxes: tuple[str, ...] = ()
    wrong: int = 0
    wrong_explained: int = 0

    @property
    def unsure(self) -> bool:
        """Whether the errors may be others: there are alternatives, or most of the wrong answers are not explained."""
        return bool(self.alternatives) or 2 * self.wrong_explained < self.wrong


def diagnose(cases: Sequence[Case], answers: Mapping[str, Answer], *, dtype: str) -> Diagnosis | None:
    """Find what explains the answers to all cases together; None if all are as the rules want them.

    Args:
        cases: that were asked.
        answers: by the name of the case, in `dtype`.
        dtype: "float32" or "float64".
    """
    asked = tuple(case for case in cases if answers[case.about.name].status != "inapplicable")
    if all(judge(case, answers[case.about.name], dtype=dtype).verdict == "ok" for case in asked):
        return None
    if all(answers[case.about.name].status != "answered" for case in asked):  # which explains itself
        return Diagnosis((), (), len(asked), wrong=len(asked))
    detached = _detached(answers)
    if detached:  # the totals may tell more
        answers = {name: replace(answer, offsets_gradient=None, logits_gradient=None) for name, answer in answers.items()}
    found = search(asked, given(asked, [answers[case.about.name] for case in asked], dtype), _possible(asked))
    unexplained = [case for case, right in zip(asked, found.explained, strict=True) if not right and isinstance(case, LossCase)]
    errors, *alternatives = (tuple(one.sentence for one in errors) for errors in found.explanations)
    return Diagnosis(
        (DETACHED,) * detached + errors,
        tuple(case.about.name for case, right in zip(asked, found.explained, strict=True) if right),
        len(asked),
        tuple((DETACHED,) * detached + other for other in alternatives),
        described(unexplained, answers),
        int((~found.right).sum()),
        int((found.explained & ~found.right).sum()),
    )


def _detached(answers: Mapping[str, Answer]) -> bool:
    """Whether several losses are not 0, and no answer has a gradient."""
    slopes = [(one.offsets_gradient, one.logits_gradient) for one in answers.values() if one.total is not None and one.total != 0]
    return len(slopes) > 1 and all(part is not None and not part.any() for pair in slopes for part in pair)


def _possible(asked: Sequence[Case]) -> tuple[Hypothesis, ...]:
    """Errors that a loss can have that answered these cases. One that is given its targets answers none about matching."""
    losses = [case for case in asked if isinstance(case, LossCase)]
    scores = losses[0].scores if losses else "softmax"
    return of_kind(scores, given_targets=bool(losses) and all(case.stage != "matching" for case in losses))
