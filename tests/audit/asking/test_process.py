"""Somebody else's code in a process of its own: whatever it does is an answer, never the end of the audit."""

import os

import pytest

from tf_ssd.audit.asking.process import Process
from tf_ssd.audit.cases.catalogue import BY_NAME
from tf_ssd.errors import AuditError

CASE, SECOND = BY_NAME["one-object"], BY_NAME["no-labels-alone"]
PARAMETERS = "offsets, logits, target_offsets, target_labels"
BEHAVIOUR = """
import ctypes, os, sys, time

def right(offsets, logits, target_offsets, target_labels): return 1.0
def talks(offsets, logits, target_offsets, target_labels): print("noise"); sys.stdout.flush(); os.write(1, b"noise"); return 1.0
def reads(offsets, logits, target_offsets, target_labels): return float(len(sys.stdin.read()))
def hangs(offsets, logits, target_offsets, target_labels):
    if target_labels.any(): time.sleep(1000)
    return 0.0
def dies(offsets, logits, target_offsets, target_labels):
    if target_labels.any(): os.write(2, b"the reason\\n"); os._exit(7)
    return 0.0
def crashes(offsets, logits, target_offsets, target_labels): ctypes.string_at(0)
def leaves(offsets, logits, target_offsets, target_labels): sys.exit(3)
def raises(offsets, logits, target_offsets, target_labels): raise ZeroDivisionError("by design")
def vector(offsets, logits, target_offsets, target_labels): return [1.0, 2.0]
def array(offsets, logits, target_offsets, target_labels): return logits
def strange(a, b): return 0.0
class Criterion: ...

"""
LABELLED = BY_NAME["three-hardest-negatives"]  # a loss on given targets can be asked this one


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    (tmp_path / "foreign_loss.py").write_text(BEHAVIOUR)
    (tmp_path / "broken_module.py").write_text("import no_such_package")
    (tmp_path / "deadly_module.py").write_text("import os; os._exit(5)")
    monkeypatch.syspath_prepend(tmp_path)


def ask(function, *cases, **options):
    with Process(f"foreign_loss:{function}", **options) as process:
        return [process.ask(case) for case in cases]


@pytest.mark.parametrize(
    ("function", "status", "message"),
    [
        ("right", "answered", ""),
        ("raises", "raised", "ZeroDivisionError: by design"),
        ("vector", "raised", "returned 2 values instead of total, or total, localization, confidence"),
        ("array", "raised", "returned the shape (1, 21, 3) instead of ()"),
        ("crashes", "died", "signal 11"),
        ("leaves", "died", "exit code 3"),
        ("dies", "died", "exit code 7: the reason"),
    ],
)
def test_what_it_does_is_an_answer(foreign, function, status, message):
    [answer] = ask(function, LABELLED)
    assert answer.status == status
    assert message in answer.message


@pytest.mark.parametrize("function", ["talks", "reads"])
def test_its_input_and_output_are_not_ours(foreign, function):
    answers = ask(function, LABELLED, SECOND)
    assert [answer.status for answer in answers] == ["answered", "answered"]


def test_a_hang_ends_at_the_limit_and_the_next_case_is_asked(foreign):
    late, next_one = ask("hangs", LABELLED, SECOND, time_limit=1.0)
    assert (late.status, late.message) == ("timeout", "no answer within 1 s")
    assert (next_one.status, next_one.total) == ("answered", 0.0)


def test_after_a_death_the_next_case_is_asked(foreign):
    assert [answer.status for answer in ask("dies", LABELLED, SECOND, LABELLED)] == ["died", "answered", "died"]


def test_a_loss_on_targets_is_not_asked_about_matching(foreign):
    [answer] = ask("right", CASE)
    assert (answer.status, answer.message) == ("inapplicable", "is given its targets")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:loss", "no_such_module cannot be imported"),
        ("broken_module:loss", "No module named 'no_such_package'"),
        ("deadly_module:loss", "importing it ended its process with exit code 5"),
        ("foreign_loss:missing", "has no function missing; name it as foreign_loss:right or foreign_loss:talks"),
        ("foreign_loss:Criterion", "is a class; name a function that makes an object of it"),
        ("foreign_loss:strange", "takes a, b; name its parameters as one of: loss: offsets, logits, gt_boxes"),
    ],
)
def test_code_that_cannot_be_loaded_is_the_users_error(foreign, name, message):
    with Process(name) as process, pytest.raises(AuditError, match="--impl") as raised:
        process.ask(LABELLED)
    assert message in str(raised.value)


def test_no_process_is_left(foreign):
    with Process("foreign_loss:right") as process:
        process.ask(LABELLED)
        child = process._child
    assert child.poll() is not None
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
