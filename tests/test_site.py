"""The manual: one command builds it, every page is in it, and none loads anything from elsewhere."""

import os
import re
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.house import ROOT

# Pages that stand in the root, or are none: of an index of packages, and of the repository.
ELSEWHERE = {"changelog", "contributing", "divergences", "naming", "security", "speed"}
NO_PAGES = {"package"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    run = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    return folder


class Loaded(HTMLParser):
    """Addresses that a page loads by itself; links, which a reader follows, are none."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        followed = tag == "a" or (tag == "link" and given.get("rel") in ("canonical", "next", "prev"))
        self.addresses += [given[name] for name in ("src", "href", "srcset", "data") if name in given and not followed]


def test_every_page_is_in_the_manual(site):
    written = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    assert built - {"404"} == written - NO_PAGES | ELSEWHERE


def test_what_is_only_for_github_and_for_the_build_is_not(site):
    assert not list(site.rglob("package*")) + list(site.rglob("*.py"))


def test_no_page_loads_from_elsewhere(site):
    loaded = {address for page in site.rglob("*.html") for address in Loaded(page).addresses}
    assert len(loaded) > 10
    assert not [address for address in loaded if "//" in address]
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\s]*", styles)


def test_links_into_the_repository_are_those_of_github(site):
    page = (site / "audit.html").read_text(encoding="utf-8")
    assert 'href="https://github.com/tf-ssd/tf-ssd/blob/main/examples/audit/jax_loss.py"' in page
    assert 'href="specification.html"' in page
    assert 'href="divergences.html"' in (site / "contributing.html").read_text(encoding="utf-8")


def test_the_front_page_links_to_places_that_there_are(site):
    """MkDocs looks after the links between pages, but the front page is none."""
    found = re.findall(r"\]\(docs/([\w-]+)\.md#([\w-]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert found
    assert not [
        (page, place) for page, place in found if f'id="{place}"' not in (site / f"{page}.html").read_text(encoding="utf-8")
    ]


def test_diagrams_are_drawn_when_the_manual_is_built(site):
    page = (site / "architecture.html").read_text(encoding="utf-8")
    assert page.count('<div class="diagram"><svg id="diagram-') == 2
    assert "-->" not in page.partition("<article")[2].partition("</article>")[0]


def test_the_browser_asks_nobody_else(browser, site):
    """Scripts of the theme could."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        here, asked, page = f"http://127.0.0.1:{server.server_port}/", [], browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        for name in ("index.html", "architecture.html", "api.html"):
            page.goto(here + name, wait_until="networkidle")
        page.close()
        server.shutdown()
    assert len(asked) > 10
    assert not [address for address in asked if not address.startswith((here, "data:"))]
