"""What an index of packages shows, and what an installed package holds."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from setuptools import find_namespace_packages

import tf_ssd
from tf_ssd.cli.options import options_of
from tf_ssd.config.groups import GROUPS

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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built of a copy, as the files of a build stay in the folder of the sources."""
    copy = tmp_path_factory.mktemp("sources")
    for name in ("pyproject.toml", "LICENSE", "README.md", PROJECT["project"]["readme"]):
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    for name in ("tf_ssd", "reference_torch"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=copy, check=True, capture_output=True)
    (built,) = (copy / "dist").iterdir()
    return built


def test_the_wheel_holds_the_package_and_nothing_more(wheel):
    assert wheel.name == f"tf_ssd-{tf_ssd.__version__}-py3-none-any.whl"
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    there = {path for name in ("tf_ssd", "reference_torch") for path in (ROOT / name).rglob("*") if path.is_file()}
    assert held == {path.relative_to(ROOT).as_posix() for path in there if path.suffix != ".pyc"}
    named = {
        name for settings in GROUPS for option in options_of(settings) for name in re.findall(r"tf_ssd(?:\.\w+)+", option.text)
    }
    assert "tf_ssd.audit.examples.naive_loss" in named
    for name in named:
        path = name.replace(".", "/")
        assert {f"{path}.py", f"{path}/__init__.py"} & held, name


@pytest.mark.skipif(find_spec("twine") is None, reason="twine is not installed")
def test_an_index_of_packages_takes_the_wheel(wheel):
    run = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", wheel], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_the_script_is_the_listing():
    module, _, function = PROJECT["project"]["scripts"]["tf-ssd"].partition(":")
    assert (module, function) == ("tf_ssd.__main__", "main")


def test_the_version_stands_once_and_the_changelog_tells_of_it():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert "version" not in yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    heading = rf"^## \[{re.escape(tf_ssd.__version__)}\] - \d{{4}}-\d\d-\d\d$"
    assert re.search(heading, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_continuous_integration_runs_what_the_readme_runs_on_every_python():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    versions = [name.rsplit(" ", 1)[1] for name in PROJECT["project"]["classifiers"] if "Python :: 3." in name]
    assert jobs["tests"]["strategy"]["matrix"]["python"] == versions
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    command = (ROOT / "README.md").read_text(encoding="utf-8").partition("<!-- test command -->\n```sh\n")[2].partition("\n")[0]
    assert set(command.split(" && ")) <= set(runs)


def test_every_issue_template_is_a_form():
    forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    for form in forms:
        content = yaml.safe_load(form.read_text(encoding="utf-8"))
        assert form.name == "config.yml" or {"name", "description", "body"} <= set(content)
    assert len(forms) == 4


def test_the_python_versions_are_those_of_the_readme():
    versions = [name.rsplit(" ", 1)[1] for name in PROJECT["project"]["classifiers"] if "Python :: 3." in name]
    assert versions == ["3.11", "3.12", "3.13"]
    for page in ("README.md", PROJECT["project"]["readme"]):
        assert "Python 3.11, 3.12 or 3.13" in (ROOT / page).read_text(encoding="utf-8")
