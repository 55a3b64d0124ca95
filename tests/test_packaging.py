"""What an index of packages shows, and what an installed package holds."""

import re
import tomllib
from pathlib import Path

import pytest
from setuptools import find_namespace_packages

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


def test_links_of_the_description_hold_on_an_index_of_packages():
    assert "](" in (ROOT / "README.md").read_text(encoding="utf-8")
    links = LINK.findall((ROOT / PROJECT["project"]["readme"]).read_text(encoding="utf-8"))
    assert not [link for link in links if not link.startswith("https://")]


def test_every_package_is_installed():
    found = find_namespace_packages(str(ROOT), include=PROJECT["tool"]["setuptools"]["packages"]["find"]["include"])
    expected = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "tf_ssd").rglob("*.py")}
    assert expected | {"reference_torch"} <= set(found)
    assert "tf_ssd.audit.examples" in found


def test_the_python_versions_are_those_of_the_readme():
    versions = [name.rsplit(" ", 1)[1] for name in PROJECT["project"]["classifiers"] if "Python :: 3." in name]
    assert versions == ["3.11", "3.12", "3.13"]
    for page in ("README.md", PROJECT["project"]["readme"]):
        assert "Python 3.11, 3.12 or 3.13" in (ROOT / page).read_text(encoding="utf-8")
