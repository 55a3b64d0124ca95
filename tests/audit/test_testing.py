import subprocess
import sys
import textwrap

import pytest

from tf_ssd.audit.testing import audit_test
from tf_ssd.errors import AuditError


def outcomes(folder, *, accepted="()"):
    """Run the three lines of a project that audits its loss: names of the tests by outcome."""
    (folder / "their_loss.py").write_text(
        textwrap.dedent("""
        def loss(offsets, logits, target_offsets, target_labels):
            return 0.0 if not target_labels.any() else 1.0
        """)
    )
    (folder / "test_theirs.py").write_text(
        f"from tf_ssd.audit.testing import audit_test\n\ntest_my_loss = audit_test('their_loss:loss', accepted={accepted})\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "test_theirs.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    lines = [line for line in done.stdout.splitlines() if "test_my_loss[" in line]
    return done, {line.partition("[")[2].partition("]")[0]: line.split()[0] for line in lines}


def test_three_lines_make_a_test_of_every_case(tmp_path):
    done, found = outcomes(tmp_path)
    assert done.returncode == 1
    assert found["no-labels-alone"] == "PASSED"
    assert found["no-labels-beside-labelled"] == "FAILED"
    assert "fault: total 1 instead of 8.05257, x0.124" in done.stdout
    assert "rule: An image without labels leaves the loss" in done.stdout
    assert "is given its targets" in done.stdout


def test_accepted_cases_pass_until_they_are_mended(tmp_path):
    done, found = outcomes(tmp_path, accepted="('no-labels-beside-labelled', 'no-labels-alone')")
    assert found["no-labels-beside-labelled"] == "PASSED"
    assert found["no-labels-alone"] == "FAILED"
    assert "no-labels-alone does not fail any more; take it out of accepted" in done.stdout


def test_an_accepted_name_that_is_no_case_is_an_error():
    with pytest.raises(AuditError, match="accepted: 'tie-at-the-cut': no such case; did you mean ties-at-the-cut"):
        audit_test("anything:loss", accepted=["tie-at-the-cut"])
