"""The drawings of docs/architecture.md say what the code does."""

import re

from tests.house import IMPORTS, ROOT, imported_by, rooms

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
HOUSE, WAY = re.findall(r"```mermaid\n(?:%%[^\n]*\n)?flowchart TB\n(.*?)```", PAGE, re.DOTALL)
ROOMS = {room: (imported_by(room) & rooms(set(IMPORTS))) - {room} for room in rooms(set(IMPORTS))}


def reached(room: str) -> set[str]:
    """The rooms that a room imports, and those that they reach."""
    return ROOMS[room].union(*map(reached, ROOMS[room]))


def needless(room: str, other: str) -> bool:
    """Whether a room comes to another by way of a third, so that no arrow is drawn."""
    return any(other in reached(third) for third in ROOMS[room])


def test_the_house_is_drawn_as_it_is():
    drawn = {tuple(arrow) for arrow in re.findall(r"^  (\w+) --> (\w+)$", HOUSE, re.MULTILINE)}
    assert len(drawn) == len(HOUSE.splitlines())
    assert drawn == {(room, other) for room, others in ROOMS.items() for other in others if not needless(room, other)}
    assert {room for arrow in drawn for room in arrow} == set(ROOMS)


def test_the_table_has_every_room():
    table = PAGE.partition("## The house")[2].partition("```")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= set(ROOMS) - {"__main__"}


def test_the_data_go_through_modules_that_there_are():
    words = set(re.findall(r"(?:^  |--> )([\w.]+)", WAY, re.MULTILINE))
    assert words - {"files", "picture"} <= set(IMPORTS)
    assert len(words) == 15
