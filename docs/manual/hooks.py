"""What the manual needs besides MkDocs: pages from the root of the repository, links into it, the tutorial, and diagrams."""

import os.path
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import mmdr
import tutorial
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
# Files that stay where GitHub and other tools look for them, and the pages that they are here.
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "DIVERGENCES.md": "divergences.md",
    "NAMING.md": "naming.md",
    "SECURITY.md": "security.md",
    "benchmarks/NOTES.md": "speed.md",
}
TUTORIAL = "tutorial/index.md"
LINK = re.compile(r"(?<=\]\()([^()\s#]+)((?:#[^()\s]*)?)(?=\))")


def on_config(config: MkDocsConfig) -> None:
    """Draw diagrams while the manual is built: in the browser a script from elsewhere would do it."""
    fence = {"name": "mermaid", "class": "diagram", "format": diagram}
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [fence]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that lie outside of docs, and what the tutorial has besides its text."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    shown = tutorial.as_page(tutorial.executed())
    config.extra["tutorial"] = shown.markdown
    for name, content in shown.files.items():
        files.append(File.generated(config, f"tutorial/{name}", content=content))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make links, which hold in the repository, hold in the manual; and show the results of the tutorial."""
    if page.file.src_uri == TUTORIAL:
        markdown = config.extra["tutorial"]
    folder = Path(str(page.file.abs_src_path)).parent
    return LINK.sub(lambda link: _target(folder, link[1], page.file, config) + link[2], markdown)


def _target(folder: Path, link: str, page: File, config: MkDocsConfig) -> str:
    """Of a link in a file of this folder: a page of the manual as that, any other file of the repository as GitHub shows it."""
    path = (folder / link).resolve()
    if "://" in link or not path.is_relative_to(ROOT) or not path.exists():
        return link  # MkDocs complains about what is missing
    name = path.relative_to(ROOT).as_posix()
    source = PAGES.get(name) or (name.removeprefix("docs/") if name.startswith("docs/") else None)
    return os.path.relpath(source, Path(page.src_uri).parent) if source else f"{config.repo_url}/blob/main/{name}"


def diagram(source: str, _language: str, css_class: str, *_: Any, **__: Any) -> str:
    """A Mermaid diagram as SVG, which scrolls rather than shrinks below 0.6; each of a page has names of its own."""
    svg = mmdr.render(source).svg().replace("merman", f"diagram-{sha256(source.encode()).hexdigest()[:8]}")
    svg = re.sub(r"max-width:([\d.]+)px", lambda width: f"{width[0]};min-width:{0.6 * float(width[1]):.0f}px", svg, count=1)
    return f'<div class="{css_class}">{svg}</div>'
