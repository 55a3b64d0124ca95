import subprocess
import sys
import textwrap

import pytest

from tf_ssd.audit.testing import audit_test
from tf_ssd.errors import AuditError


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """What pytest says of the three lines of a project that audits its loss, and of the same with cases that are accepted."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "their_loss.py").write_text(
        textwrap.dedent("""
        def loss(offsets, logits, target_offsets, target_labels):
            return 0.0 if not target_labels.any() else 1.0
        """)
    )
    (folder / "test_theirs.py").write_text(
        "from tf_ssd.audit.testing import audit_test\n\n"
        "test_my_loss = audit_test('their_loss:loss')\n"
        "test_accepting = audit_test('their_loss:loss', accepted=('no-labels-beside-labelled', 'no-labels-alone'))\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "test_theirs.py"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def outcomes(done, test):
    """Names of the cases of a test by outcome."""
    lines = [line for line in done.stdout.splitlines() if f"{test}[" in line]
    return {line.partition("[")[2].partition("]")[0]: line.split()[0] for line in lines}


def test_three_lines_make_a_test_of_every_case(done):
    found = outcomes(done, "test_my_loss")
    assert done.returncode == 1
    assert found["no-labels-alone"] == "PASSED"
    assert found["no-labels-beside-labelled"] == "FAILED"
    assert "fault: total 1 instead of 8.05257, x0.124" in done.stdout
    assert "rule: An image without labels leaves the loss" in done.stdout
    assert "is given its targets" in done.stdout


def test_accepted_cases_pass_until_they_are_mended(done):
    found = outcomes(done, "test_accepting")
    assert found["no-labels-beside-labelled"] == "PASSED"
    assert found["no-labels-alone"] == "FAILED"
    assert "no-labels-alone does not fail any more; take it out of accepted" in done.stdout


def test_an_accepted_name_that_is_no_case_is_an_error():
    with pytest.raises(AuditError, match="accepted: 'tie-at-the-cut': no such case; did you mean ties-at-the-cut"):
        audit_test("anything:loss", accepted=["tie-at-the-cut"])
