"""What shows only when images, or splits, are compared with each other."""

from collections.abc import Sequence
from itertools import combinations

from tf_ssd.check.findings import Finding
from tf_ssd.check.survey import Survey
from tf_ssd.errors import Place

HARMLESS = ("unreadable images", "unknown classes")  # kinds of errors by which no box of a known class is lost


def compare_images(survey: Survey) -> None:
    """Find images of the same pixels within a split."""
    first: dict[bytes, int] = {}
    for number, digest in enumerate(survey.digests):
        if digest and first.setdefault(digest, number) != number:
            place = Place(survey.names[number])
            message = f"{place}: the same pixels as {survey.names[first[digest]]}; remove one"
            survey.findings.add("duplicate images", message, place)


def compare_splits(surveys: Sequence[Survey]) -> None:
    """Find images that are in more than one split: the same file, or the same pixels."""
    for earlier, later in combinations(surveys, 2):
        where = _places(earlier)
        for number, digest in enumerate(later.digests):
            name = later.names[number]
            other = where.get(name, where.get(digest) if digest else None)
            if other is not None:
                shown = "" if other == name else f" as {other}"
                message = f"{name}: also in {earlier.split}{shown}; an image that is trained on cannot test the result"
                later.findings.add("images in more than one split", message, Place(name))


def compare_classes(surveys: Sequence[Survey]) -> None:
    """Find classes without boxes, in one split or in all; nothing is said about a split that could not be read whole."""
    names = dict.fromkeys(name for survey in surveys for name in survey.class_names)
    whole = {survey.split for survey in surveys if all(_harmless(finding) for finding in survey.findings)}
    for name in names:
        counts = {survey.split: len(survey.boxes_of(name)) for survey in surveys}
        elsewhere = ", ".join(f"{count} in {split}" for split, count in counts.items() if count) or "nor anywhere else"
        for survey in surveys:
            if not counts[survey.split] and survey.split in whole:
                place = Place(survey.split, f"class {name}")
                survey.findings.add("classes without boxes", f"{place}: no boxes here; {elsewhere}", place)


def _harmless(finding: Finding) -> bool:
    return finding.severity != "error" or finding.kind in HARMLESS


def _places(survey: Survey) -> dict[str | bytes, str]:
    """The image's name by its name and by its pixels."""
    places: dict[str | bytes, str] = {}
    for number, digest in enumerate(survey.digests):
        name = survey.names[number]
        places[name] = name
        if digest:
            places.setdefault(digest, name)
    return places
