"""Audit your own loss in your own tests.

    from tf_ssd.audit.testing import audit_test

    test_my_loss = audit_test("mypackage.losses:multibox")

It needs pytest, and makes a test of every case.
"""

import atexit
from collections.abc import Callable, Collection
from functools import cache

from tf_ssd.audit.asking.process import Process
from tf_ssd.audit.cases.catalogue import CATALOGUES
from tf_ssd.audit.judge import BROKEN, judge
from tf_ssd.config import ScoreKind
from tf_ssd.errors import AuditError


def audit_test(
    implementation: str,
    *,
    framework: str = "auto",
    dtype: str = "float32",
    scores: ScoreKind = "softmax",
    time_limit: float = 20.0,
    accepted: Collection[str] = (),
) -> Callable[[str], None]:
    """A pytest function, to be bound to a name that begins with `test_`.

    A fault, an error or a timeout fails; a difference of convention passes; a case that does not apply is skipped.

    Args:
        implementation: "package.module:function", or "package.module" with functions loss, match, encode or decode.
        framework: "tensorflow", "torch", "jax" or "numpy"; by default the one that the module imports.
        dtype: of the inputs, "float32" or "float64".
        scores: "softmax" or "sigmoid", the kind that the loss is for.
        time_limit: seconds for a case.
        accepted: names of cases that are known to fail. The test of such a case fails if the case passes: the list stays true.

    Raises:
        AuditError: a name in `accepted` is no case.
    """
    import pytest

    cases = CATALOGUES[scores]
    unknown = sorted(set(accepted) - set(cases))
    if unknown:
        raise AuditError(f"accepted={unknown}: no such cases; python -m tf_ssd.audit lists them")

    @cache
    def process() -> Process:
        started = Process(implementation, framework=framework, dtype=dtype, time_limit=time_limit)
        atexit.register(started.close)
        return started

    @pytest.mark.parametrize("name", cases)
    def test(name: str) -> None:
        case = cases[name]
        judgement = judge(case, process().ask(case), dtype=dtype)
        if judgement.verdict == "n/a":
            pytest.skip(judgement.what)
        broken = judgement.verdict in BROKEN
        if broken and name not in accepted:
            pytest.fail(f"{judgement.verdict}: {judgement.what}\nrule: {case.about.rule}\nwhy: {case.about.why}", pytrace=False)
        if not broken and name in accepted:
            pytest.fail(f"{name} does not fail any more; take it out of accepted", pytrace=False)

    return test
