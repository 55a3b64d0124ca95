"""That what is wrong on a page is noticed."""

import pytest

from tests.manual.blocks import blocks, phrases
from tests.manual.excerpts import not_as_in
from tests.manual.programs import Programs
from tests.manual.reader import Page
from tests.manual.shell import Answer, shell


@pytest.fixture(scope="module")
def opened():
    with shell(["pip", "python", "tool"]) as found:
        yield found


class Alone:
    """A reader of one page, who has no files."""

    def __init__(self, opened, programs):
        self.shell, self.programs = opened, programs


@pytest.fixture
def read(opened, tmp_path):
    """Read a page of the given text; returns it."""

    def reading(text):
        (tmp_path / "page.md").write_text(text)
        page = Page(tmp_path / "page.md", tmp_path, Alone(opened, Programs()))
        page.read(page.blocks[-1].line)
        return page

    return reading


def test_what_bash_makes_of_a_command(opened, tmp_path):
    """Continued lines, comments, patterns, variables, quotes, and what is read and written."""
    (tmp_path / "a.png").touch()
    (tmp_path / "read").write_text("in")
    called = []

    def answer(call):
        called.append((call.words, call.environment.get("KEY"), call.read))
        return Answer(out="out")

    code = "KEY='a b' tool --one \\\n  two *.png \"*.png\" < read > written && python 3  # comment\n"
    assert opened.run(code, tmp_path, answer) == (0, "out")
    assert called == [(["tool", "--one", "two", "a.png", "*.png"], "a b", "in"), (["python", "3"], None, "")]
    assert (tmp_path / "written").read_text() == "out"


def test_the_first_failure_is_the_last_command(opened, tmp_path):
    called = []

    def answer(call):
        called.append(call.words[1])
        return Answer(3, err="no")

    assert opened.run("tool 1\ntool 2\n", tmp_path, answer) == (3, "no")
    assert called == ["1"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("python -m tf_ssd.train --stepps 5", "--stepps: there is no such option"),
        ("python -m tf_ssd.train --steps none --output run", "--steps none: must be a whole number"),
        ("TF_CONFIG='{' python -m tf_ssd.train", "TF_CONFIG='{': cannot be used"),
        ("python -m tf_ssd.trian", "neither a command of tf_ssd nor in NOT_RUN"),
        ("python -m tf_ssd trian", "there is no such command; did you mean train"),
        ("python -m tf_ssd.weights a.txt --from keras --output a.keras", "a.txt: the suffix must be one of"),
        ("python -m tf_ssd.audit --impl tf_ssd.audit.examples.naive_loss:loss --help", "exit code 0, not 1"),
        ("python -m benchmark", "neither a command of tf_ssd nor in NOT_RUN"),
        ("pip install '.[everything]'", "there is no such module, file or extra"),
        ("another_tool", "another_tool: command not found"),
        ("python -m tf_ssd --version && false", "exit code 1"),
    ],
)
def test_a_wrong_command_is_noticed(read, code, message):
    with pytest.raises(pytest.fail.Exception) as caught:
        read(f"```sh\n{code}\n```\n")
    assert str(caught.value).startswith(f"page.md:2:\n{code}")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("```console\n$ python\n```", "'console' is none of"),
        ("```\npython\n```", "'' is none of"),
        ("```text\npython -m tf_ssd.train\n```", "a command of tf_ssd that is not run"),
    ],
)
def test_a_block_that_nobody_runs_is_noticed(read, block, message):
    with pytest.raises(AssertionError, match=message):
        read(block)


def test_blocks_share_variables_and_files(read):
    python = "```python\n{}\n```\n\n"
    reading = python.format("from pathlib import Path\nx = Path('a.toml').read_text()")
    page = read(f"```toml\n# a.toml\nkey = 1\n```\n\n{reading}{python.format('y = x')}")
    assert page.names["y"] == "# a.toml\nkey = 1\n"


@pytest.mark.parametrize("text", ["!!! note\n\n    ```sh\n    ls\n    ```\n", "```sh\nls\n"])
def test_a_block_that_is_not_found_is_noticed(tmp_path, text):
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(ValueError, match=r"page\.md: . fences"):
        blocks(tmp_path / "page.md")


def test_an_excerpt_is_that_of_its_file(tmp_path):
    (tmp_path / "a.py").write_text('def f(x: int) -> int:\n    """Text."""\n    return x + 1\n')
    (tmp_path / "page.md").write_text("From [a.py](a.py):\n\n```python\ndef f(x):\n    return x + 1\n```\n")
    (block,) = blocks(tmp_path / "page.md")
    assert not_as_in(block.code, block.source) == []
    assert not_as_in(block.code.replace("1", "2"), block.source) == ["f"]


def test_code_in_sentences_and_tables_is_found(tmp_path):
    (tmp_path / "page.md").write_text("a `b`\n\n| c |\n|---|\n| `d` |\n")
    assert [(phrase.line, phrase.code) for phrase in phrases(tmp_path / "page.md")] == [(1, "b"), (5, "d")]
