import pytest

from tf_ssd.check.findings import Findings
from tf_ssd.errors import DatasetError, Place

BOX = Place("b.xml", "object 2 (dog)")


def test_everything_is_kept_each_once():
    findings = Findings("train")
    for number in range(100):
        place = Place("a.xml", f"object {number}")
        findings.add("dropped", str(place), place)
        findings.add("dropped", str(place), place)
    findings.inform("turned", "b.jpg: orientation 6", Place("b.jpg"))
    assert len(list(findings)) == 101
    assert {(finding.severity, finding.split) for finding in findings} == {("warning", "train"), ("info", "train")}
    assert next(iter(findings)).place == Place("a.xml", "object 0")


def test_a_fault_does_not_end_what_tolerates_it():
    findings = Findings("train")
    with findings.tolerating():
        raise DatasetError.at(Place("a.xml", "object 1 (dog)"), "<bndbox> is missing; add one")
    findings.fault(DatasetError.at(BOX, "lies outside the image", kind="boxes outside their image"))
    assert [(finding.severity, finding.kind, finding.place) for finding in findings] == [
        ("error", "broken annotations", Place("a.xml", "object 1 (dog)")),
        ("error", "boxes outside their image", BOX),
    ]


def test_what_names_no_file_is_about_the_split():
    findings = Findings("train")
    findings.fault(DatasetError("there are no annotations"))
    findings.add("dropped", "something", None)
    assert [finding.place for finding in findings] == [Place("train")] * 2


def test_the_kind_does_not_hang_on_the_words():
    """A file or a class may be called anything."""
    findings = Findings("train")
    findings.fault(DatasetError.at(Place("is none of.xml", "object 1 (lies outside the image)"), "<bndbox> is missing"))
    [finding] = findings
    assert (finding.kind, finding.place.object) == ("broken annotations", "object 1 (lies outside the image)")


def test_a_bug_is_not_tolerated():
    with pytest.raises(ZeroDivisionError), Findings("train").tolerating():
        raise ZeroDivisionError
