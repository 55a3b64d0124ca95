"""Asking all implementations: how many at a time, for how long, and what is told meanwhile."""

import time
from threading import Lock
from types import SimpleNamespace

import pytest

from tests.audit.reports.builder import FEW, right
from tf_ssd.audit import run
from tf_ssd.audit.cases.catalogue import BY_NAME

CASES = [BY_NAME[name] for name in FEW]


@pytest.fixture
def seen(monkeypatch):
    """What happens to implementations that answer rightly, without a process of their own."""
    seen, lock = SimpleNamespace(limits={}, running=0, most=0), Lock()

    class Immediate:
        def __init__(self, name, *, time_limit, **options):
            seen.limits[name] = time_limit

        def __enter__(self):
            with lock:
                seen.running += 1
                seen.most = max(seen.most, seen.running)
            return self

        def __exit__(self, *error):
            with lock:
                seen.running -= 1

        def ask(self, case):
            time.sleep(0.005)
            return right(case)

    monkeypatch.setattr(run, "Process", Immediate)
    return seen


def test_not_more_processes_run_at_a_time_than_there_are_cores_for(seen):
    audited = run.audit([f"losses:loss_{number}" for number in range(9)], CASES, audited=["losses:loss_0"])
    assert len(audited.rows) == 9
    assert seen.most == run.AT_ONCE
    assert 2 <= run.AT_ONCE <= 4


@pytest.mark.parametrize(("limit", "others"), [(1.0, 60.0), (100.0, 100.0)])
def test_the_limit_of_time_is_for_what_is_audited(seen, limit, others):
    """A busy machine must not make tf_ssd slow where somebody else's loss is in question."""
    run.audit(["losses:loss", "tf_ssd", "torchvision"], CASES, audited=["losses:loss"], time_limit=limit)
    assert seen.limits == {"losses:loss": limit, "tf_ssd": others, "torchvision": others}
    run.audit(["tf_ssd"], CASES, audited=["tf_ssd"], time_limit=limit)
    assert seen.limits["tf_ssd"] == limit


def test_the_diagnosis_is_told_when_all_have_answered(seen):
    told = []
    names = ["losses:loss", "tf_ssd", "torchvision"]
    run.audit(names, CASES, audited=names[:1], progress=lambda: told.append("answer"), diagnosing=told.append)
    assert told == [*["answer"] * 3 * len(CASES), "losses:loss", "tf_ssd"]
