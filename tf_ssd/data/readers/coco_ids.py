"""Ids in COCO's files: whole numbers, or texts, of which "7" is the same as 7."""

import re
from collections.abc import Sequence

Id = int | str
_NUMBER = re.compile("0|[1-9][0-9]{0,999}")  # as a number is written; what is longer stays a text


def number_in(text: Id) -> int | None:
    """The number that an id is, or is the text of; None if it is another text."""
    if isinstance(text, int):
        return text
    return int(text) if _NUMBER.fullmatch(text) else None


def order(id_: Id) -> tuple[bool, int, str]:
    """What ids are sorted by: numbers first."""
    number = number_in(id_)
    return number is None, number or 0, "" if number is not None else str(id_)


def places(ids: Sequence[Id]) -> dict[Id, int]:
    """Where each id stands among `ids`, by every spelling of it."""
    found: dict[Id, int] = {}
    for place, id_ in enumerate(ids):
        number = number_in(id_)
        for spelling in (str(id_),) if number is None else (number, str(number)):
            found.setdefault(spelling, place)
    return found
