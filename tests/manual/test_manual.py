"""Every command and every snippet of the pages, as it is pasted, from the top of each page."""

import re
import shlex
from contextlib import chdir

import numpy as np
import pytest

from tests.house import ROOT
from tests.manual.blocks import phrases
from tests.manual.programs import COMMANDS, EXIT_CODES, NOT_RUN, arguments_of, command_of, is_there
from tests.manual.reader import reader as opened_reader
from tests.manual.reader import to_read
from tests.manual.world import FILES, SPOKEN_OF
from tf_ssd.cli.arguments import parsed
from tf_ssd.cli.options import options_of
from tf_ssd.data.synthetic import CLASS_NAMES
from tf_ssd.evaluate.over_dataset import evaluate

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [(path, block) for path in PAGES for block in to_read(path)]
# Converters have warnings of their own.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    with opened_reader(tmp_path_factory.mktemp("manual")) as found:
        yield found


@pytest.mark.parametrize(("path", "block"), BLOCKS, ids=[block.name for _, block in BLOCKS])
def test_what_a_page_says_can_be_pasted(reader, path, block):
    reader.page(path).read(block.line)


def test_fit_on_the_page_trains_validates_and_keeps_the_best_model(reader):
    """In at most fifteen lines."""
    page = reader.page(ROOT / "docs/fit.md")
    example = page.blocks[0]
    assert len(example.code.splitlines()) <= 15
    page.read(example.line)
    assert page.said.getvalue().count("Compiling the training step: up to a minute.") == 1
    history, val, settings = page.names["history"], page.names["val"], page.names["model"].config.loss
    terms = ("loss", "localization_loss", "confidence_loss")
    assert history.keys() >= {*terms, *(f"val_{term}" for term in terms), "val_ap50"}
    for prefix in ("", "val_"):
        total, localization, confidence = (np.array(history[prefix + term]) for term in terms)
        np.testing.assert_allclose(total, confidence + settings.alpha * localization, rtol=1e-5)
    assert page.names["train"].class_names == val.class_names == CLASS_NAMES
    with chdir(page.folder):
        found = evaluate(page.names["model"], val, batch_size=8).average_precision.mean
    assert history["val_ap50"][-1] == pytest.approx(found)
    assert page.names["best"].best == page.names["stop"].best == max(history["val_ap50"])
    assert (page.folder / "best.keras").is_file()


def test_every_exception_is_of_use(reader):
    for path, block in BLOCKS:
        reader.page(path).read(block.line)
    assert reader.programs.used == {*NOT_RUN, *EXIT_CODES}


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_spoken_of(name):
    assert any(SPOKEN_OF.get(name, name) in path.read_text(encoding="utf-8") for path in PAGES)


OPTIONS = {option.flag for settings in COMMANDS.values() for option in options_of(settings)} | {"--help", "--version"}
# Options of other programs, which pages speak of.
OTHERS = {"--hypothesis-profile", "--strict", "--check", "--results", "--sample"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_sentence_names_is_there(path):
    """Commands with right options and values, and options, in sentences and tables."""
    for phrase in phrases(path):
        where = f"{phrase.page}:{phrase.line}: {phrase.code}"
        flags = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", phrase.code))
        assert flags <= OPTIONS | OTHERS, where
        words = phrase.code.split(" && ")[0]
        if words.startswith(("python ", "tf-ssd ", "pip ")):
            called = shlex.split(words)
            name, arguments = command_of(called), arguments_of(called)
            assert name in (None, "", *COMMANDS), where
            assert is_there(called), where
            if name and arguments and not {"...", "--help"} & {*arguments}:
                assert parsed(COMMANDS[name], arguments, words), where
