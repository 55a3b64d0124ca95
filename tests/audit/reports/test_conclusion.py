"""What an audit comes to, in at most ten rows."""

import re
from dataclasses import replace

import pytest
from rich.console import Console

from tests.audit.reports.builder import DOUBLED, FEW, TIE, audit_of, right
from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.catalogue import BY_NAME
from tf_ssd.audit.diagnosis.diagnosis import Diagnosis
from tf_ssd.audit.reports.conclusion import conclusions, fitting, left_out
from tf_ssd.audit.reports.table import conclusion

MINE = "package.losses:mine"
OTHER = (
    "another convention in 1 case (another of the equally hard negatives is taken: the sort is unstable, or in another order: 1)"
)


def texts(audit):
    return [line.text for about in conclusions(audit) for line in about.lines]


def test_who_is_right_is_told_in_one_line():
    assert texts(audit_of({MINE: {}})) == ["losses:mine: no rule is broken in 5 answers"]
    assert texts(audit_of({MINE: {"ties-at-the-cut": TIE}})) == [
        "losses:mine: no rule is broken in 5 answers; 1 differs by convention",
        OTHER,
    ]


def test_what_is_wrong_how_often_and_what_to_do_next():
    wrong = {"one-object": DOUBLED, "three-hardest-negatives": Answer("raised", "KeyError: 'x'"), "ties-at-the-cut": TIE}
    assert texts(audit_of({MINE: wrong}, dtype="float64")) == [
        "losses:mine: 2 of 5 answers break a rule (1 fault, 1 error); 1 differs by convention",
        "1 fault: total 16.1051 instead of 8.05257, x2 (boxes 1.156, classes 6.896)",
        "1 error: KeyError: 'x'",
        OTHER,
        "next: python -m tf_ssd.audit --impl package.losses:mine --dtype float64 --case one-object",
    ]


def test_a_diagnosis_says_how_much_it_explains_and_whether_it_is_sure():
    audit = audit_of({MINE: {"one-object": DOUBLED, "three-hardest-negatives": DOUBLED}})
    errors = ("variances (0.1, 0.1)", "ranked with the positives")
    sure = Diagnosis(errors, tuple(FEW[:4]), 5, boxes=("box 19 is missing",))
    assert texts(audit_of_diagnosis(audit, sure))[1:3] == [
        "explains 4 of 5 answers: variances (0.1, 0.1); ranked with the positives",
        "box 19 is missing",
    ]
    unsure = Diagnosis(errors[:1], tuple(FEW), 5, alternatives=(("a", "b"), ("c",), ("d",), ("e",)))
    assert texts(audit_of_diagnosis(audit, unsure))[1:3] == [
        "one of several that explain 5 of 5 answers: variances (0.1, 0.1)",
        "unsure, as these explain as much: a with b; or c; or d; and 1 more",
    ]
    shared = Diagnosis(("a", "b", "c"), tuple(FEW), 5, alternatives=(("a", "d", "c"), ("a", "b")))
    assert texts(audit_of_diagnosis(audit, shared))[2] == (
        "unsure, as these explain as much: d (instead of: b); or nothing (instead of: c)"
    )


def audit_of_diagnosis(audit, diagnosis):
    return replace(audit, diagnoses={MINE: diagnosis})


def test_accepted_cases_and_those_that_are_mended():
    accepted = {MINE: {"one-object": "why", "three-hardest-negatives": "why", "ties-at-the-cut": "a difference"}}
    audit = audit_of({MINE: {"one-object": DOUBLED, "ties-at-the-cut": TIE}}, accepted=accepted)
    assert audit.failed(MINE) == ("three-hardest-negatives",)
    assert "accepted: 1 case may fail, as --accepted says" in texts(audit)
    assert texts(audit)[-1] == "next: take out of the accepted cases what is right now: three-hardest-negatives"


def test_a_loss_that_always_raises_is_said_to_answer_nothing():
    raised = dict.fromkeys(FEW, Answer("raised", "KeyError: 'x'"))
    assert texts(audit_of({MINE: raised}))[:2] == ["losses:mine: none of 5 cases is answered (5 errors)", "5 errors: KeyError: 'x'"]


def test_what_to_do_next_can_be_pasted():
    assert "--impl 'my package.losses:mine' --case" in texts(audit_of({"my package.losses:mine": {"one-object": DOUBLED}}))[-1]


def test_what_could_not_be_asked_is_said():
    audit = audit_of({MINE: dict.fromkeys(FEW, Answer("inapplicable", "matches only"))})
    assert texts(audit) == ["losses:mine: no case could be asked", "not asked: 5 cases (matches only: 5)"]


def test_the_most_frequent_reasons_are_told_and_how_many_others_there_are():
    reasons = dict(zip(FEW, ("a", "b", "c", "c", "d"), strict=True))
    audit = audit_of({MINE: {name: Answer("inapplicable", reason) for name, reason in reasons.items()}})
    assert texts(audit)[1] == "not asked: 5 cases (c: 2, a: 1, b: 1, others: 1)"


def test_gradients_that_are_not_there_are_not_said_to_be_right():
    answers = {name: replace(right(BY_NAME[name]), logits_gradient=None, offsets_gradient=None) for name in FEW[:4]}
    assert texts(audit_of({MINE: answers}))[-1].startswith("gradients are not checked")
    assert len(texts(audit_of({MINE: {name: answers[name] for name in FEW[:3]}}))) == 1


def test_tf_ssd_is_mentioned_if_it_breaks_a_rule_itself():
    assert [about.name for about in conclusions(audit_of({MINE: {}, "tf_ssd": {}}))] == ["losses:mine"]
    assert [about.name for about in conclusions(audit_of({MINE: {}, "tf_ssd": {"one-object": DOUBLED}}))] == [
        "losses:mine",
        "tf_ssd",
    ]


def printed(audit, width):
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        for part in conclusion(audit, width=width):
            console.print(part)
    return [row.rstrip() for row in capture.get().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("losses", [1, 2, 3, 4])
def test_ten_rows_at_any_width_for_four_losses(width, losses):
    wrong = {name: Answer("raised", f"{name} {'is something long to say ' * 4}") for name in FEW}
    rows = printed(audit_of({f"package{number}.losses:mine": wrong for number in range(losses)}), width)
    assert len(rows) <= 10
    assert sum("none of 5 cases is answered" in row for row in rows) == losses
    assert sum(row.startswith("  next: python") for row in rows) == 1


NAMED = Diagnosis(tuple(f"error {letter} {'with a long explanation ' * 4}" for letter in "abcdefghijkl"), FEW, 5)


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("losses", [1, 2, 3, 4])
def test_every_loss_has_a_row_for_the_error_that_explains_most_and_the_worst_is_next(width, losses):
    names = [f"package{number}.losses:mine" for number in range(losses)]
    wrong = {name: {"one-object": DOUBLED, "ties-at-the-cut": TIE} for name in names}
    wrong[names[-1]]["three-hardest-negatives"] = DOUBLED
    audit = audit_of(wrong, diagnoses=dict.fromkeys(names, NAMED))
    rows = printed(audit, width)
    assert len(rows) <= 10
    assert [re.sub(r":mine: .*", "", row) for row in rows if " a rule" in row] == [
        f"package{number}.losses" if losses > 1 else "losses" for number in range(losses)
    ]
    assert sum("5 of 5 answers: error a with" in row for row in rows) == losses
    cut = [line.text for _, line in fitting(conclusions(audit), width) if line.text.endswith("more above")]
    assert len(cut) == losses
    [command] = [at for at, row in enumerate(rows) if row.startswith("  next: ")]
    assert " ".join("".join(rows[command:]).split()).endswith(f"--impl {names[-1]} --case one-object")
    above = [line.text for _, line in left_out(conclusions(audit), width)]
    assert sum("error a" in text and "error g" in text for text in above) == losses  # nothing is lost


def test_what_fits_is_neither_cut_nor_repeated_above():
    audit = audit_of({MINE: {"one-object": DOUBLED, "ties-at-the-cut": TIE}}, diagnoses={MINE: Diagnosis(("a", "b"), FEW, 5)})
    assert printed(audit, 80) == [
        "losses:mine: 1 of 5 answers breaks a rule (1 fault); 1 differs by convention",
        "  explains 5 of 5 answers: a; b",
        "  another convention in 1 case (another of the equally hard negatives is taken:",
        "  the sort is unstable, or in another order: 1)",
        "  next: python -m tf_ssd.audit --impl package.losses:mine --case one-object",
    ]
    assert not list(left_out(conclusions(audit), 80))


def test_a_dozen_losses_have_a_row_each_and_one_thing_to_do():
    rows = printed(audit_of({f"package{number}.losses:mine": {"one-object": DOUBLED} for number in range(12)}), 80)
    assert [("breaks a rule" in row, "next: " in row) for row in rows] == [(True, False)] * 12 + [(False, True)]


def test_losses_share_the_rows():
    wrong = {name: Answer("raised", name) for name in FEW}
    found = conclusions(audit_of({f"package{number}.losses:mine": wrong for number in range(3)}))
    told = [about.name for about, line in fitting(found, 120) if "error: " in line.text]
    assert [told.count(about.name) for about in found] == [2, 2, 2]
