from types import SimpleNamespace

import pytest
from rich.console import Console

from tf_ssd.train.notices import Notices


def notes(capsys):
    return [line for line in capsys.readouterr().out.splitlines() if line]


def test_a_kind_of_note_is_printed_when_it_comes_up_and_at_the_end(capsys):
    notices = Notices(Console(), warns=True)
    for count in (3, 4, 5):
        notices.report(f"boxes dropped: {count}: a.xml; ...", "images skipped: 1: b.png")
    for _ in range(2):
        notices.report("boxes dropped: 5: a.xml; ...", "images skipped: 1: b.png", last=True)
    assert notes(capsys) == [
        "note: boxes dropped: 3: a.xml; ...",
        "note: images skipped: 1: b.png",
        "note: boxes dropped: 5: a.xml; ...",
    ]


def test_the_same_kind_of_two_sources_is_said_for_each(capsys):
    training, held_out = (SimpleNamespace(notes=()) for _ in range(2))
    notices = Notices(Console(), warns=True)
    notices.watch(training, held_out)
    notices.report()
    training.notes = ("boxes dropped: 1: a.xml",)
    notices.report()
    held_out.notes = ("boxes dropped: 2: b.xml",)
    notices.report()
    assert notes(capsys) == ["note: boxes dropped: 1: a.xml", "note: boxes dropped: 2: b.xml"]


@pytest.mark.parametrize("warns", [True, False])
def test_one_worker_warns_in_a_quiet_run_too(capsys, warns):
    Notices(Console(quiet=True), warns=warns).warn("[little] memory")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "warning: [little] memory\n" if warns else "")
