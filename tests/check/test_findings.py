import pytest

from tf_ssd.check.findings import FAULTS, OTHER_FAULT, Finding, Findings
from tf_ssd.errors import DatasetError


def test_everything_is_kept_each_once():
    findings = Findings("train")
    for number in range(100):
        findings.add("dropped", f"a.xml: object {number}")
        findings.add("dropped", f"a.xml: object {number}")
    findings.inform("turned", "b.jpg: orientation 6")
    assert len(list(findings)) == 101
    assert {(finding.severity, finding.split) for finding in findings} == {("warning", "train"), ("info", "train")}


def test_a_fault_does_not_end_what_tolerates_it():
    findings = Findings("train")
    with findings.tolerating():
        raise DatasetError("a.xml: object 1 (dog): <bndbox> is missing; add one")
    findings.fault("b.xml: object 2 (dog): xmin=5 ymin=1 xmax=9 ymax=3 lies outside the image of 4 x 4 px; correct the box")
    assert [(finding.severity, finding.kind) for finding in findings] == [
        ("error", OTHER_FAULT),
        ("error", "boxes outside their image"),
    ]


def test_a_bug_is_not_tolerated():
    with pytest.raises(ZeroDivisionError), Findings("train").tolerating():
        raise ZeroDivisionError


def test_of_kinds_that_fit_the_first_is_meant():
    """Each text would otherwise be out of reach."""
    texts = [text for text, _ in FAULTS]
    assert not any(earlier in later for number, later in enumerate(texts) for earlier in texts[:number])


@pytest.mark.parametrize(
    ("message", "place", "name"),
    [
        ("data/a.xml: object 2 (dog): xmin=5 is greater than xmax=3; swap", "data/a.xml", "object 2 (dog)"),
        ("data/a.xml: object 2 (no name): <name> is missing", "data/a.xml", "object 2 (no name)"),
        ("a.csv: line 7 (dog): the class is none of cat", "a.csv", "line 7 (dog)"),
        ("a.csv: line 7: 3 fields instead of 6: name,class,...", "a.csv", "line 7"),
        ("a.json: annotation -5: there is no image with the id 9", "a.json", "annotation -5"),
        ("a.json: images: the id 2 is given 2 times", "a.json", "images"),
        ("a.xml: size: width is 'wide'", "a.xml", "size"),
        ("a.jpg: cannot be read as an image (OSError: cut off: 5 bytes)", "a.jpg", None),
        ("val: class dog: no boxes here; 1 in train", "val", "class dog"),
        ("nothing in particular", "nothing in particular", None),
    ],
)
def test_place_and_object(message, place, name):
    finding = Finding("error", "any", "train", message)
    assert (finding.place, finding.object) == (place, name)
