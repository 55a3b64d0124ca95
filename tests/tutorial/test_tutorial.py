"""The tutorial runs to its end, what it states holds, and a reader gets all of it."""

import ast
import os
import re
from io import BytesIO

import nbformat
import numpy as np
import pytest
from nbclient.exceptions import CellExecutionError
from PIL import Image

from docs.manual import tutorial
from tf_ssd.drawing.pictures import grid

# Of Jupyter's libraries, which are others'.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
LIBRARIES = {"dataclasses", "functools", "os", "pathlib", "PIL", "keras", "matplotlib", "numpy", "tensorflow", "tf_ssd"}
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w.]*\w)")
# Of a paper and its parts, and what the pictures and classes are for: nothing that could become untrue.
NAMES = re.compile(r"\(https?[^)]*\)|et al\. \d+|[Ss]ection \d[.\d]*|[Ee]quations? \d( to \d)?|```.*?```|`[^`]*`", re.DOTALL)


@pytest.fixture(scope="module")
def notebook():
    return tutorial.executed()


@pytest.fixture(scope="module")
def page(notebook):
    return tutorial.as_page(notebook)


def cells(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def images(cell):
    return [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]


def test_every_cell_has_run(notebook):
    counts = [cell.execution_count for cell in cells(notebook, "code")]
    assert counts == list(range(1, len(counts) + 1))
    assert len(counts) > 30


def test_nothing_is_warned_about(notebook):
    said = [output.text for cell in cells(notebook, "code") for output in cell.outputs if output.get("name") == "stderr"]
    assert not [text for text in said if "Warning" in text]


def test_only_the_package_and_what_draws_is_imported(notebook):
    trees = [ast.walk(ast.parse(cell.source)) for cell in cells(notebook, "code")]
    found = {node.module for tree in trees for node in tree if isinstance(node, ast.ImportFrom)}
    trees = [ast.walk(ast.parse(cell.source)) for cell in cells(notebook, "code")]
    found |= {alias.name for tree in trees for node in tree if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in found} <= LIBRARIES


def test_every_picture_is_described_where_it_is_made(notebook):
    for cell in cells(notebook, "code"):
        assert len(images(cell)) == ("alt" in cell.metadata), cell.source
        assert len(cell.metadata.get("alt", "a picture of something")) > 20


def sections(notebook):
    """Prose, and code with its output, between headings of the second level."""
    found = [["", ""]]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
            found[-1][1] += "\n".join([cell.source, *texts]) + "\n"
            continue
        before, *others = re.split(r"^## ", cell.source, flags=re.MULTILINE)
        found[-1][0] += before + "\n"
        found += [[other, ""] for other in others]
    return found


def test_every_number_of_the_text_stands_in_code_or_output_beside_it(notebook):
    """There an assert checks it, or it is made or printed."""
    for prose, checked in sections(notebook):
        known = {number.replace(",", "").replace("_", "") for number in re.findall(r"\d[\d,_]*(?:\.\d+)?", checked)}
        stated = {number.rstrip(",").replace(",", "") for number in NUMBER.findall(NAMES.sub(" ", prose))}
        assert stated <= known | {"0", "1", "2", "3", "4"}, prose.partition("\n")[0]


def test_the_page_has_all_code_results_and_pictures(notebook, page):
    pictures = [picture for cell in cells(notebook, "code") for picture in images(cell)]
    assert len(page.files) == len(pictures) + 1
    assert page.markdown.startswith("# ")
    assert page.markdown.count("```python\n") == len(cells(notebook, "code"))
    for name, content in page.files.items():
        assert page.markdown.count(f"({name})") == 1
        if name.endswith(".png"):
            assert np.asarray(Image.open(BytesIO(content)).convert("L")).std() > 5
    assert nbformat.reads(page.files[tutorial.NOTEBOOK].decode(), as_version=4) == notebook


@pytest.mark.parametrize("beside_the_manual", [True, False])
def test_without_the_published_file_a_cell_says_so_and_shows_what_it_finds(
    notebook, beside_the_manual, tmp_path, monkeypatch, capsys
):
    (code,) = [cell.source for cell in cells(notebook, "code") if "mediapipe" in cell.source]
    monkeypatch.setenv("TF_SSD_PUBLISHED", str(tmp_path))
    monkeypatch.chdir(tutorial.TEXT.parent if beside_the_manual else tmp_path)
    names = {"os": os, "grid": grid}
    exec(code, names)
    assert "The published file is not on this machine" in capsys.readouterr().out
    assert (names["shown"] is not None) == beside_the_manual
    if beside_the_manual:
        names["shown"].close()


def test_the_command_writes_the_notebook(notebook, tmp_path):
    tutorial.main([str(tmp_path / "ssd.ipynb")])
    assert nbformat.read(tmp_path / "ssd.ipynb", as_version=4) == notebook


@pytest.mark.parametrize("arguments", [[], ["ssd.md"], ["a.ipynb", "b.ipynb"]])
def test_the_command_says_how_it_is_used(arguments):
    with pytest.raises(SystemExit, match=r"usage: .* FILE\.ipynb"):
        tutorial.main(arguments)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Another notebook, kept elsewhere."""
    monkeypatch.setattr(tutorial, "TEXT", tmp_path / "small.md")
    monkeypatch.setattr(tutorial, "KEPT", tmp_path / "kept")
    return tmp_path / "small.md"


def test_a_claim_that_is_not_true_fails_and_nothing_is_kept(small):
    small.write_text("# Sums\n\n```python\nassert 1 + 1 == 3\n```\n")
    with pytest.raises(CellExecutionError, match="1 \\+ 1 == 3"):
        tutorial.executed()
    assert not list(small.parent.rglob("*.ipynb"))


def test_results_are_those_of_the_code_as_it_is(small):
    """Prose may change without another execution."""
    results = []
    for title, code in (("Time", "import time"), ("Hour", "import time"), ("Hour", "import time  # and date")):
        small.write_text(f"# {title}\n\n```python\n{code}\nprint(time.time_ns())\n```\n")
        notebook = tutorial.executed()
        assert notebook.cells[0].source == f"# {title}"
        results.append(notebook.cells[1].outputs[0].text)
    assert results[0] == results[1] != results[2]
    assert len(list(small.parent.rglob("*.ipynb"))) == 1
