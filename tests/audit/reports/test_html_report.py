"""The page: whole by itself, the audited loss first, and a filter for what it fails."""

import re
from html.parser import HTMLParser

import pytest

from tests.audit.reports.builder import DOUBLED, TIE, audit_of
from tests.pages import focused, opened
from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.reports.html_report import html_report
from tf_ssd.audit.reports.pictures import pictures

MINE = "package.losses:mine"
WRONG = {"one-object": DOUBLED, "three-hardest-negatives": Answer("raised", "KeyError: <x>")}
CASES = ("no-labels-alone", "one-object", "three-hardest-negatives", "ties-at-the-cut", "equal-images", "encode-itself")


@pytest.fixture(scope="module")
def audit():
    accepted = {MINE: {"one-object": "known"}}
    return audit_of({"tf_ssd": {}, "torchvision": {"ties-at-the-cut": TIE}, MINE: WRONG}, cases=CASES, accepted=accepted)


@pytest.fixture(scope="module")
def html(audit):
    return html_report(audit)


class Page(HTMLParser):
    """What a page links to, names, and loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids, self.links, self.loaded, self.tags, self.classes = set(), set(), set(), [], {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.classes |= {attributes["id"]: set(attributes["class"].split())} if {"id", "class"} <= set(attributes) else {}
        self.ids |= {attributes["id"]} if "id" in attributes else set()
        self.links |= {attributes["href"]} if "href" in attributes else set()
        self.loaded |= {attributes[name] for name in ("src", "data", "action") if name in attributes}


def test_the_page_is_whole_and_needs_no_network(audit, html):
    parsed = Page(html)
    assert set(CASES) <= parsed.ids
    assert not parsed.loaded
    assert {link.removeprefix("#") for link in parsed.links} <= parsed.ids | {"data:,"}
    assert "://" not in html
    assert parsed.tags.count("details") == len(audit.cases)
    assert parsed.tags.count("figure") == sum(len(getattr(case, "images", ())) for case in audit.cases)
    assert "prefers-color-scheme: dark" in html


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_what_it_comes_to_stands_at_the_top(html):
    top = text(html.split("<body>")[1].split("edge cases with known answers")[0])
    assert "losses:mine: 2 of 6 answers break a rule (1 fault, 1 error)" in top
    assert "accepted: 1 case may fail" in top
    assert "1 error: KeyError: &lt;x&gt;" in top
    assert '--case three-hardest-negatives (<a href="#three-hardest-negatives">see it here</a>)' in html


def test_the_audited_loss_is_the_first_column(html):
    table = html.split('<table class="sticky roving">')[1].split("</table>")[0]
    head, *rows = table.split("<tr")[1:]
    assert text(f"<{head}").split() == ["case", "losses:mine", "expected", "tf_ssd", "torchvision"]
    assert text("<" + next(row for row in rows if "#one-object" in row)).split() == [
        "one-object",
        "16.105",
        "accepted",
        *["8.0526"] * 3,
    ]


def test_cases_are_hidden_by_who_fails_them(html):
    classes = {name: Page(html).classes[name] for name in CASES}
    assert {name for name in CASES if "passed" not in classes[name]} == {"three-hardest-negatives"}
    assert {name for name in CASES if "agreed" not in classes[name]} == {"one-object", "three-hardest-negatives", "ties-at-the-cut"}
    headings = re.findall(r'<h3 class="([^"]*)">([^<]*)<', html)
    assert {heading for classes, heading in headings if "passed" not in classes} == {"mining"}


def test_gradients_of_logits_and_of_offsets_are_drawn(audit, html):
    case = next(case for case in audit.cases if case.about.name == "equal-images")
    first, *_ = pictures(case, {name: rows["equal-images"] for name, rows in audit.rows.items()})
    for kind in ("logits", "offsets"):
        assert [strip.name for strip in first.strips[kind]] == ["expected", "tf_ssd", "torchvision", "losses:mine"]
    shares = first.strips["offsets"][0].shares
    assert [box for box, share in enumerate(shares) if share] == list(case.images[0].matches)
    assert max(shares) == 1
    images = sum(len(getattr(case, "images", ())) for case in audit.cases)
    assert html.count("Gradient of each default box's offsets") == images


def test_losses_of_one_name_have_strips_of_their_own():
    audit = audit_of({"a.losses:loss": {}, "b.losses:loss": {}}, cases=["one-object"])
    [drawn] = pictures(audit.cases[0], {name: rows["one-object"] for name, rows in audit.rows.items()})
    assert [strip.name for strip in drawn.strips["logits"]] == ["expected", "a.losses:loss", "b.losses:loss"]


def test_in_a_browser_it_goes_by_keys_and_asks_for_nothing(browser, html, tmp_path):
    (tmp_path / "audit.html").write_text(html, encoding="utf-8")
    with opened(browser, tmp_path / "audit.html", width=390) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        first, second, *_ = page.locator("#table ~ .scroll a").all()
        first.focus()
        page.keyboard.press("ArrowDown")
        assert focused(page, "href") == second.get_attribute("href")
        page.keyboard.press("Enter")
        case = second.get_attribute("href")
        assert page.locator(case).get_attribute("open") is not None
        page.check("#failing")
        assert page.locator("details:visible").count() == 1
        page.click("text=see it here")
        assert page.locator("#three-hardest-negatives .inside").is_visible()
