"""The diagnosis of one implementation: what explains its answers, and what nothing explains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import Case, LossCase
from tf_ssd.audit.diagnosis.by_box import described
from tf_ssd.audit.judge import judge


@dataclass(frozen=True)
class Diagnosis:
    """The fewest known errors that reproduce the most answers.

    Attributes:
        errors: a sentence for each error; empty if no known error explains anything.
        explained: names of the cases whose answers come out as these errors predict, right ones included.
        of: how many answers there are.
        alternatives: other errors, each as `errors`, that explain as many answers. If there are any, the diagnosis is unsure.
        boxes: what the gradients say, box by box, about answers that nothing explains.
    """

    errors: tuple[str, ...]
    explained: tuple[str, ...]
    of: int
    alternatives: tuple[tuple[str, ...], ...] = ()
    boxes: tuple[str, ...] = ()

    @property
    def unsure(self) -> bool:
        """Whether other errors explain as much."""
        return bool(self.alternatives)


def diagnose(cases: Sequence[Case], answers: Mapping[str, Answer], *, dtype: str) -> Diagnosis | None:
    """Find what explains the answers to all cases together; None if all are as the rules want them.

    Args:
        cases: that were asked.
        answers: by the name of the case, in `dtype`.
        dtype: "float32" or "float64".
    """
    verdicts = {case.about.name: judge(case, answers[case.about.name], dtype=dtype).verdict for case in cases}
    asked = [case for case in cases if verdicts[case.about.name] != "n/a"]
    right = tuple(case.about.name for case in asked if verdicts[case.about.name] == "ok")
    if len(right) == len(asked):
        return None
    wrong = [case for case in asked if case.about.name not in right and isinstance(case, LossCase)]
    return Diagnosis((), right, len(asked), boxes=described(wrong, answers))
