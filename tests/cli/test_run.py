import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import pytest

from tf_ssd import cli
from tf_ssd.errors import DatasetError


@dataclass(frozen=True)
class Settings:
    """Settings of a test."""

    number: int = 1


def fail(error):
    def action(_):
        raise error

    return action


def test_arguments_become_the_config():
    seen = []
    assert cli.run(seen.append, Settings, ["--number", "5"]) == 0
    assert seen == [Settings(5)]


@dataclass(frozen=True)
class Names:
    """Settings of a test."""

    names: tuple[str, ...] = ()
    parts: tuple[str, ...] | None = None
    kind: Literal["apple", "fig"] = "fig"


def test_nothing_after_a_setting_is_refused(capsys):
    for arguments in (["--names"], ["--names", "--kind", "apple"], ["--names", ""], ["--kind="], ["--names", "a", ""]):
        assert cli.run(pytest.fail, Names, arguments) == 2
        assert re.match(r"error: (--names|--kind|an argument)\b.* (nothing stands after it|is empty)", capsys.readouterr().err)


def test_what_stands_after_a_setting_may_end_like_one_without(monkeypatch):
    monkeypatch.setattr(cli, "_start_tensorflow", lambda: None)
    seen = []
    assert cli.run(seen.append, Names, ["--names=a=", "--parts"]) == 0
    assert seen == [Names(("a=",), ())]  # an empty list where the default is another thing than that


def test_a_word_that_is_no_choice_is_answered_with_those_that_are_like_it(capsys):
    for arguments in (["--kind", "aple"], ["--kind=aple"]):
        assert cli.run(pytest.fail, Names, arguments) == 2
        assert capsys.readouterr().err == "error: --kind aple: must be one of apple, fig; did you mean apple?\n"


def test_what_can_be_checked_first_is_checked_first(monkeypatch):
    monkeypatch.setattr(cli, "_start_tensorflow", pytest.fail)
    assert cli.run(print, Settings, [], first=fail(DatasetError("gone"))) == 2
    order = []
    assert (
        cli.run(lambda _: order.append("action"), Settings, [], first=lambda _: order.append("first"), uses_tensorflow=False) == 0
    )
    assert order == ["first", "action"]


def test_settings_of_keras_that_do_not_suit_are_one_line(monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setattr(cli, "_start_tensorflow", pytest.fail)
    assert cli.run(print, Settings, []) == 2
    assert capsys.readouterr().err.startswith("error: KERAS_BACKEND=torch: ")
    assert cli.run(lambda _: None, Settings, [], uses_tensorflow=False) == 0


def test_a_users_error_is_one_line_and_exit_code_2(capsys):
    assert cli.run(fail(DatasetError("a.xml: no boxes")), Settings, []) == 2
    assert capsys.readouterr().err == "error: a.xml: no boxes\n"


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        cli.run(fail(ZeroDivisionError()), Settings, [])


def test_interrupt(capsys):
    assert cli.run(fail(KeyboardInterrupt()), Settings, []) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_text_of_which_only_the_beginning_is_read_is_no_error():
    body = "from tf_ssd import cli\ncli.print_text('line\\n' * 100_000)\ncli.print_text('more')"
    with subprocess.Popen([sys.executable, "-c", body], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout.readline().strip() == b"line"
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 0


@pytest.mark.parametrize("arguments", [["--number", "x"], ["--unknown"], ["stray"]])
def test_a_wrong_command_line_is_one_line_and_exit_code_2(arguments, capsys):
    assert cli.run(pytest.fail, Settings, arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {' '.join(arguments)}: ")
    assert said.count("\n") == 1


def stderr_of(body: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    run = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=False, env=environment)
    return run.stderr


def test_start_up_chatter_is_held_back():
    body = "from tf_ssd import cli\nwith cli.quiet_start():\n import tensorflow as tf\nimport os; os.write(2, b'after')"
    assert stderr_of(body) == "after"


def test_what_goes_wrong_at_start_up_is_shown():
    body = "import os\nfrom tf_ssd import cli\nwith cli.quiet_start():\n os.write(2, b'the reason\\n')\n raise SystemExit(1)"
    assert "the reason" in stderr_of(body)


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1)])
def test_what_the_action_returns_is_the_exit_code(returned, code):
    assert cli.run(lambda _: returned, Settings, []) == code
