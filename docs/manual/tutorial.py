"""The tutorial, a notebook that is kept as text in docs/tutorial/index.md: executed, as a page with its results, and as an .ipynb.

python docs/manual/tutorial.py ssd.ipynb
"""

import os
import sys
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from subprocess import DEVNULL
from typing import NamedTuple

try:
    import jupytext
    import nbformat
    from filelock import FileLock
    from nbclient import NotebookClient
    from nbformat import NotebookNode
except ModuleNotFoundError as missing:
    raise SystemExit(f'{missing.name} is not installed: pip install ".[docs]"') from missing

ROOT = Path(__file__).parents[2]
PUBLISHED = Path(os.environ.get("TF_SSD_PUBLISHED", Path.home() / ".cache" / "tf_ssd" / "published"))
TEXT = ROOT / "docs" / "tutorial" / "index.md"
KEPT = ROOT / "build" / "tutorial"  # results, so that nothing is computed twice that cannot have changed
PACKAGES = ("ipykernel", "jupytext", "keras", "matplotlib", "nbclient", "numpy", "tensorflow")
NOTEBOOK = "ssd.ipynb"
DOWNLOAD = f"[Download as a notebook, with all results]({NOTEBOOK})"
SECONDS = 900  # for one cell; on two free cores all of them together take less than four minutes


class Page(NamedTuple):
    """What the manual shows: Markdown, and the pictures and the notebook that belong to it, by their names."""

    markdown: str
    files: dict[str, bytes]


def executed() -> NotebookNode:
    """The notebook with its results: those of an earlier execution if neither code nor package nor libraries have changed since.

    Raises:
        CellExecutionError: a cell has failed, as one does whose `assert` is no longer true.
    """
    notebook = _read()
    KEPT.mkdir(parents=True, exist_ok=True)
    with FileLock(KEPT / "lock"):  # whoever comes second waits for the results of the first
        kept = KEPT / f"{_state(notebook)}.ipynb"
        if not kept.exists():
            results = _execute(_read())
            for older in KEPT.glob("*.ipynb"):
                older.unlink()
            nbformat.write(results, kept)
        results = nbformat.read(kept, as_version=4)
    notebook.metadata = results.metadata
    for cell, done in zip(_code(notebook), _code(results), strict=True):
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
    return notebook


def _read() -> NotebookNode:
    notebook = jupytext.read(TEXT)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # jupytext draws another one each time
    return notebook


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _state(notebook: NotebookNode) -> str:
    """A name for everything that the results depend on."""
    sources = (Path(__file__), *sorted((ROOT / "tf_ssd").rglob("*.py")))
    parts = [cell.source.encode() for cell in _code(notebook)] + [path.read_bytes() for path in sources]
    parts += [f"{name} {version(name)}".encode() for name in PACKAGES]
    parts += [sys.version.encode(), *(str(path).encode() for path in sorted(PUBLISHED.glob("*")))]
    return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()[:16]


def _execute(notebook: NotebookNode) -> NotebookNode:
    """Run all cells in a kernel that imports this checkout."""
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    place = {"metadata": {"path": str(TEXT.parent)}}
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=place, coalesce_streams=True)
    # What the kernel itself says, of sockets and of processors, is for nobody; what cells print comes back as their output.
    return client.execute(env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)}, stdout=DEVNULL, stderr=DEVNULL)


def as_page(notebook: NotebookNode) -> Page:
    """The notebook with the results below each cell."""
    files = {NOTEBOOK: nbformat.writes(notebook).encode()}
    parts = [part for cell in notebook.cells for part in _parts(cell, files)]
    title, _, rest = parts[0].partition("\n")
    return Page("\n\n".join([title, DOWNLOAD, rest, *parts[1:]]) + "\n", files)


def _parts(cell: NotebookNode, files: dict[str, bytes]) -> Iterator[str]:
    """A cell and its results in Markdown; their pictures go into `files`."""
    if cell.cell_type == "markdown":
        yield cell.source
        return
    yield f"```python\n{cell.source}\n```"
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            name = f"picture-{len(files)}.png"
            files[name] = b64decode(data["image/png"])
            yield f'<div class="figure" markdown>\n![{cell.metadata["alt"]}]({name})\n</div>'
        elif output.get("name") == "stdout":
            yield f"```{{ .text .result }}\n{output.text.rstrip()}\n```"


def main(arguments: list[str]) -> None:
    """Write the executed notebook; ends the process with a message unless one .ipynb is named."""
    if len(arguments) != 1 or not arguments[0].endswith(".ipynb"):
        sys.exit("usage: python docs/manual/tutorial.py FILE.ipynb")
    if not Path(arguments[0]).absolute().parent.is_dir():
        sys.exit(f"{arguments[0]}: there is no such folder")
    print("Executing the tutorial, unless its results are kept: some minutes.", flush=True)
    nbformat.write(executed(), arguments[0])


if __name__ == "__main__":
    main(sys.argv[1:])
