"""The tables of a terminal, at any width."""

import io

import pytest
from rich.console import Console

from tests.audit.reports.builder import DOUBLED, TIE, audit_of
from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.catalogue import BY_NAME
from tf_ssd.audit.diagnosis.diagnosis import Diagnosis
from tf_ssd.audit.reports.table import conclusion, render

WRONG = {"one-object": DOUBLED, "ties-at-the-cut": TIE, "three-hardest-negatives": Answer("raised", "KeyError: 'x'")}
WITNESSES = {"tf_ssd": {}, "reference_torch": {}, "torchvision": {"ties-at-the-cut": TIE}}


def lines(audit, width, **settings):
    console = Console(width=width, record=True, file=io.StringIO())
    for part in (*render(audit, width=width, **settings), *conclusion(audit, width=width)):
        console.print(part)
    return [line.rstrip() for line in console.export_text().splitlines()]


def row(shown, name):
    return next(line for line in shown if line.startswith(f"   {name}") or line.startswith(f"  {name}")).split()[1:]


def test_a_wide_table_has_the_audited_loss_first_and_each_witness():
    shown = lines(audit_of({"mine:loss": WRONG, **WITNESSES}), 120)
    assert next(line for line in shown if "expected" in line).split() == [
        "case",
        "mine:loss",
        "expected",
        "tf_ssd",
        "reference_torch",
        "torchvision",
    ]
    assert row(shown, "one-object") == ["16.105", "FAULT", "8.0526", "8.0526", "8.0526", "8.0526"]
    assert row(shown, "ties-at-the-cut") == ["5.5507", "diff", "5.5507", "5.5507", "5.5507", "5.5507", "diff"]
    assert row(shown, "three-hardest-negatives")[0] == "ERROR"


@pytest.mark.parametrize(("width", "witnesses"), [(92, ["torchvision", "diff"]), (78, ["diff"])])
def test_a_narrow_table_has_the_witnesses_in_one_column(width, witnesses):
    shown = lines(
        audit_of({"mine:loss": {**WRONG, "two-objects-share-a-best-box-reversed": DOUBLED}, **WITNESSES}, cases=LONG), width
    )
    assert row(shown, "ties-at-the-cut") == ["5.5507", "diff", "5.5507", *witnesses]
    assert row(shown, "one-object") == ["16.105", "FAULT", "8.0526", "ok"]


LONG = ("one-object", "three-hardest-negatives", "ties-at-the-cut", "two-objects-share-a-best-box-reversed")


@pytest.mark.parametrize("width", [80, 100, 120])
def test_three_losses_fit(width):
    losses = {f"package_{number}.losses_of_mine:multibox": WRONG for number in range(3)}
    shown = lines(audit_of({**losses, **WITNESSES}), width)
    assert max(map(len, shown)) <= width
    assert [word for word in row(shown, "one-object") if word == "FAULT"] == ["FAULT"] * 3
    assert row(shown, "one-object")[-1] == ("8.0526" if width == 140 else "ok")


def test_only_what_is_not_right_is_shown_unless_everything_is_asked_for():
    audit = audit_of({"mine:loss": WRONG, **WITNESSES})
    few, every = lines(audit, 120), lines(audit, 120, every=True)
    assert "Edge cases: loss, and verdict (2 more are right: --all)" in few
    assert not any("encode-itself" in line for line in few)
    assert row(every, "encode-itself")[0] == f"{BY_NAME['encode-itself'].expected[0, -1]:.5g}"
    assert any("torchvision: difference" in line for line in every)
    assert not any("torchvision: difference" in line for line in few)


def test_what_the_diagnosis_explains_is_left_to_the_last_lines():
    diagnosis = Diagnosis(("doubled",), ("one-object", "encode-itself"), 5)
    audit = audit_of({"mine:loss": WRONG, **WITNESSES}, diagnoses={"mine:loss": diagnosis})
    few, every = "\n".join(lines(audit, 120)), "\n".join(lines(audit, 120, every=True))
    assert "mine:loss: fault: total" not in few
    assert "mine:loss: error: KeyError" in few
    assert "mine:loss: 1 more finding, explained by the last lines: --all" in few
    assert "  explains 2 of 5 answers: doubled" in few
    assert "mine:loss: fault: total" in every


def test_where_all_is_right_there_is_no_table():
    shown = lines(audit_of({"tf_ssd": {}, "torchvision": WRONG}), 80)
    assert not any("one-object" in line for line in shown)
    assert shown[-1] == "tf_ssd: no rule is broken in 5 answers"


def test_an_accepted_case_says_so():
    audit = audit_of({"mine:loss": WRONG}, accepted={"mine:loss": {"one-object": "why", "ties-at-the-cut": "why"}})
    assert row(lines(audit, 120), "one-object") == ["16.105", "accepted", "8.0526"]
    assert row(lines(audit, 120), "ties-at-the-cut") == ["5.5507", "diff", "5.5507"]


def test_the_last_lines_are_what_it_comes_to():
    shown = lines(audit_of({"mine:loss": WRONG, **WITNESSES}), 80)
    assert shown[-1] == "  next: python -m tf_ssd.audit --impl mine:loss --case one-object"
    assert "mine:loss: 2 of 5 answers break a rule" in " ".join(shown[-10:])
