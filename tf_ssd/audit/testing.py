"""Audit your own loss in your own tests.

    from tf_ssd.audit.testing import audit_test

    test_my_loss = audit_test("mypackage.losses:multibox")

It needs pytest, and makes a test of every case.
"""

import atexit
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

from tf_ssd.audit.accepted import outcome, read, require_known
from tf_ssd.audit.asking.process import Process
from tf_ssd.audit.cases.catalogue import CATALOGUES
from tf_ssd.audit.judge import judge
from tf_ssd.config import ScoreKind


def audit_test(
    implementation: str,
    *,
    framework: str = "auto",
    dtype: str = "float32",
    scores: ScoreKind = "softmax",
    time_limit: float = 20.0,
    accepted: Collection[str] | Path = (),
) -> Callable[[str], None]:
    """A pytest function, to be bound to a name that begins with `test_`.

    A fault, an error or a timeout fails; a difference of convention passes; a case that does not apply is skipped.

    Args:
        implementation: "package.module:function", or "package.module" with functions loss, match, encode or decode.
        framework: "tensorflow", "torch", "jax" or "numpy"; by default the one that the module imports.
        dtype: of the inputs, "float32" or "float64".
        scores: "softmax" or "sigmoid", the kind that the loss is for.
        time_limit: seconds for a case.
        accepted: names of cases that are known to fail, or the path of an audit.toml that lists them. The test of such a case fails
            if the case is right: the list stays true. To accept a difference changes nothing.

    Raises:
        AuditError: a name in `accepted` is no case, or the file cannot be read.
    """
    import pytest

    cases = CATALOGUES[scores]
    if isinstance(accepted, Path):
        known_to_fail = set(read(accepted).get(implementation, {}))
    else:
        require_known(accepted, cases, "accepted")
        known_to_fail = set(accepted)

    @cache
    def process() -> Process:
        started = Process(implementation, framework=framework, dtype=dtype, time_limit=time_limit)
        atexit.register(started.close)
        return started

    @pytest.mark.parametrize("name", cases)
    def test(name: str) -> None:
        case = cases[name]
        judgement = judge(case, process().ask(case), dtype=dtype)
        found = outcome(judgement.verdict, accepted=name in known_to_fail)
        if found == "skipped":
            pytest.skip(judgement.what)
        if found == "failed":
            pytest.fail(f"{judgement.verdict}: {judgement.what}\nrule: {case.about.cited}\nwhy: {case.about.why}", pytrace=False)
        if found == "mended":
            pytest.fail(f"{name} does not fail any more; take it out of accepted", pytrace=False)

    return test
