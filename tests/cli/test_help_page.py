import importlib
import os
import re
import sys
from collections import Counter
from dataclasses import MISSING

import pytest

from tf_ssd import cli
from tf_ssd.cli.arguments import parsed
from tf_ssd.cli.options import options_of
from tf_ssd.config.groups import GROUPS

COMMANDS = {settings: settings.__name__.removesuffix("Config").lower() for settings in GROUPS}
commands = pytest.mark.parametrize("settings", GROUPS, ids=COMMANDS.get)


@pytest.fixture(params=[80, 120])
def width(request, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(request.param))
    return request.param


def help_of(settings, capsys, *, program="prog"):
    sys.argv[0] = program
    with pytest.raises(SystemExit, match=r"^0$"):
        importlib.import_module(f"tf_ssd.{COMMANDS[settings]}").main(["--anything", "-h"])
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def _arguments_of_the_process(monkeypatch):
    monkeypatch.setattr(sys, "argv", [*sys.argv])


@commands
def test_each_option_is_in_one_group(settings):
    grouped = Counter(name for names in GROUPS[settings].values() for name in names)
    assert grouped == Counter(option.setting for option in options_of(settings))


@commands
def test_the_page_shows_each_option_once_and_what_it_does(settings, width, capsys):
    page = help_of(settings, capsys)
    assert max(map(len, page.splitlines())) <= width
    assert "None" not in page
    assert "Options:" not in page
    words = " ".join(page.split())
    for option in options_of(settings):
        assert len(re.findall(rf"^  {re.escape(option.flag)}(?: |$)", page, re.MULTILINE)) == 1
        assert option.text in words
        shown = [line for line in page.splitlines() if line.startswith(f"  {option.flag} ")]
        assert all("(required)" in line for line in shown) or not option.is_required


@commands
def test_the_parser_has_the_options_of_the_page(settings, capsys):
    """Completion, which tyro writes for the shell from what it parses, names the same flags."""
    with pytest.raises(SystemExit):
        parsed(settings, ["--tyro-print-completion", "bash"], "prog")
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", capsys.readouterr().out))
    expected = {option.flag for option in options_of(settings) if not option.is_positional}
    assert expected <= flags


@commands
def test_a_page_ends_with_examples_that_can_be_pasted(settings, width, capsys):
    page = help_of(settings, capsys)
    examples = page.partition("Examples:\n")[2].replace("\\\n", " ").splitlines()
    command = f"python -m tf_ssd.{COMMANDS[settings]}"
    given = [line.split("<")[0].split() for line in examples if not line.startswith("  # ")]
    assert len(given) >= 2
    for words in given:
        assert " ".join(words).startswith(command)
        assert isinstance(parsed(settings, words[3:], "prog"), settings)


@commands
def test_the_script_is_called_by_its_name(settings, capsys):
    page = help_of(settings, capsys, program=os.path.join("bin", cli.SCRIPT))  # noqa: PTH118
    assert page.startswith(f"usage: tf-ssd {COMMANDS[settings]} ")
    assert "python -m" not in page


def test_what_is_required_stands_in_the_first_line(capsys):
    required = {COMMANDS[settings]: [o.flag for o in options_of(settings) if o.default is MISSING] for settings in GROUPS}
    assert required["export"] == ["--checkpoint", "--format", "--output"]
    assert required["predict"] == ["IMAGE ...", "--checkpoint"]
    for settings, command in COMMANDS.items():
        usage = " ".join(help_of(settings, capsys).partition("\n\n")[0].split())
        assert all(flag in usage for flag in required[command])
        assert usage.endswith(" [options]")


def test_a_terminal_gets_bold_type_and_whoever_wants_none_gets_none(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    settings = next(iter(GROUPS))
    assert "\033[1mData:\033[0m" in help_of(settings, capsys)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in help_of(settings, capsys)
