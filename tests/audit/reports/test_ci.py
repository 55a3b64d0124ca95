"""What is printed for machines."""

from xml.etree import ElementTree

import pytest

from tests.audit.reports.builder import DOUBLED, TIE, audit_of
from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.reports.ci import github, junit

MINE = "package.losses:mine"
RUDE = Answer("raised", "Rude: <a> & \x1b[1m\x00 50%\r::error::no, really")
WRONG = {
    "one-object": DOUBLED,
    "ties-at-the-cut": TIE,
    "no-labels-alone": RUDE,
    "encode-itself": Answer("inapplicable", "no encode"),
}


@pytest.fixture(scope="module")
def audit():
    accepted = {MINE: {"one-object": "known", "three-hardest-negatives": "known"}}
    return audit_of({MINE: WRONG, "tf_ssd": {}, "torchvision": WRONG}, accepted=accepted)


def test_junit_has_a_test_for_each_case_of_the_audited_losses(audit):
    root = ElementTree.fromstring(junit(audit))
    [suite] = root.findall("testsuite")
    assert suite.attrib == {"name": MINE, "tests": "5", "failures": "2", "errors": "0", "skipped": "2"}
    tests = {test.get("name"): test for test in suite.findall("testcase")}
    assert tests["no-labels-alone"].find("failure").get("type") == "error"
    assert tests["no-labels-alone"].find("failure").get("message").startswith("Rude: <a> & ?[1m? 50%")
    assert "rule: An image without labels" in tests["no-labels-alone"].find("failure").text
    assert tests["three-hardest-negatives"].find("failure").get("type") == "mended"
    assert tests["one-object"].find("skipped").get("message").startswith("accepted: known (fault: total 16.1051")
    assert tests["encode-itself"].find("skipped").get("message") == "no encode"
    assert tests["ties-at-the-cut"].find("system-out").text.startswith("difference: another of the equally hard")


def test_github_has_a_line_for_what_it_comes_to_and_for_each_finding(audit):
    lines = github(audit, {MINE: ("src/a,b.py", 7)}).splitlines()
    assert lines[0].startswith(
        "::error file=src/a%2Cb.py,line=7,title=audit of losses%3Amine::losses:mine: 2 of 4 answers break a rule"
    )
    assert "%0Anext: " in lines[0]
    levels = {line.split("title=")[1].split("::")[0]: line.split()[0] for line in lines[1:]}
    assert levels == {
        "audit of losses%3Amine%3A fault": "::warning",  # accepted
        "audit of losses%3Amine%3A error": "::error",
        "audit of losses%3Amine%3A difference": "::notice",
    }
    [error] = [line for line in lines if "%3A error::" in line]
    assert error.endswith("::Rude: <a> & ?[1m? 50%25%0D::error::no, really%0Ano-labels-alone")


def test_github_of_a_right_loss_is_one_notice():
    assert (
        github(audit_of({MINE: {}}), {}) == "::notice title=audit of losses%3Amine::losses:mine: no rule is broken in 5 answers\n"
    )
