"""What shows only when images, or splits, are compared with each other."""

import re
from collections.abc import Collection, Sequence
from itertools import combinations

from tf_ssd.check.findings import Finding
from tf_ssd.check.survey import Survey
from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.words import counted

BACKGROUND = "background"
HARMLESS = ("unreadable images", "unknown classes")  # kinds of errors by which no box of a known class is lost


def compare_images(survey: Survey) -> None:
    """Find images of the same pixels within a split, and files that are in it twice."""
    first: dict[bytes, int] = {}
    for number, digest in enumerate(survey.digests):
        if digest and first.setdefault(digest, number) != number:
            name, other = survey.names[number], survey.names[first[digest]]
            place = Place(name)
            twice = "the split has this file twice; list it once, with all of its boxes"
            message = f"{place}: {twice if name == other else f'the same pixels as {other}; remove one'}"
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


def compare_classes(surveys: Sequence[Survey], *, named: Collection[str]) -> None:
    """Find classes without boxes, in one split or in all, and classes that training on the first split would not know.

    Nothing is said about what a split that could not be read whole does not have.

    Args:
        surveys: of the splits, the one that is trained on first.
        named: classes that training knows although the first split has no boxes of them.
    """
    whole = {survey.split for survey in surveys if all(_harmless(finding) for finding in survey.findings)}
    known = {*surveys[0].class_names, *named}
    for name in _names(surveys):
        counts = {survey.split: len(survey.boxes_of(name)) for survey in surveys}
        elsewhere = ", ".join(f"{count} in {split}" for split, count in counts.items() if count) or "nor anywhere else"
        for survey in surveys:
            place = Place(survey.split, f"class {name}")
            if not counts[survey.split] and survey.split in whole:
                survey.findings.add("classes without boxes", f"{place}: no boxes here; {elsewhere}", place)
            elif counts[survey.split] and name not in known and surveys[0].split in whole:
                what = f"{counted(counts[survey.split], 'box')} here, none in {surveys[0].split}: training on that would stop"
                advice = "list all classes in a file for --classes, or rename this one"
                survey.findings.fault(DatasetError.at(place, f"{what}; {advice}", kind="unknown classes"))


def compare_names(surveys: Sequence[Survey]) -> None:
    """Find names of classes that seem to mean one class, and such as mean that there is none."""
    alike: dict[str, str] = {}
    for name in _names(surveys):
        survey = next(survey for survey in surveys if name in survey.class_names)
        place, letters = Place(survey.split, f"class {name}"), "".join(re.split(r"[\s_-]+", name.casefold()))
        if letters == BACKGROUND:
            advice = "the network has a background of its own; remove this class, unless there are such objects"
            survey.findings.add("classes named background", f"{place}: {advice}", place)
        other = alike.setdefault(letters, name)
        if other != name:
            message = f"{place}: differs from class {other} in case, spaces, _ or - alone; give both one name if they are one class"
            survey.findings.add("class names that are nearly the same", message, place)


def _names(surveys: Sequence[Survey]) -> list[str]:
    """The classes of all splits, each once."""
    return list(dict.fromkeys(name for survey in surveys for name in survey.class_names))


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
