import sys

import pytest

from tf_ssd import __version__
from tf_ssd.__main__ import commands, main

COMMANDS = {"audit", "check", "evaluate", "export", "predict", "train", "weights"}


@pytest.mark.parametrize(("program", "called"), [("tf_ssd/__main__.py", "python -m tf_ssd."), ("bin/tf-ssd", "tf-ssd ")])
def test_all_commands_are_listed_with_a_line_each(monkeypatch, capsys, program, called):
    assert set(commands()) == COMMANDS
    for arguments in ([], ["--help"]):
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        assert main() == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split("  ")[0] for line in lines[:7]] == [called + name for name in sorted(COMMANDS)]
        assert all(line.endswith(".") and len(line) <= 80 for line in lines[:7])


def test_a_command_is_run_with_what_stands_after_it(capsys):
    assert main(["predict", "a.jpg"]) == 2
    assert "error: --checkpoint PATH: must be given; python -m tf_ssd.predict --help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "hint"), [("trian", "did you mean train?"), ("detect", "commands are audit, check, "), ("", "commands are audit")]
)
def test_an_unknown_command_is_answered_with_the_nearest(word, hint, capsys):
    assert main([word]) == 2
    assert f"error: {word or repr(word)}: there is no such command; {hint}" in capsys.readouterr().err


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"
