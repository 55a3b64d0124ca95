"""The page: whole by itself, and in a browser."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluate.report.builder import evaluated, made_up
from tests.pages import focused, opened
from tf_ssd.config import VOC300
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.evaluate.ground_truth import dataset_ground_truth
from tf_ssd.evaluate.report.album import Images
from tf_ssd.evaluate.report.html_report import html_report
from tf_ssd.metrics import ImageDetections, average_precision
from tf_ssd.metrics.errors import error_report

TRAINING = {
    "losses": {"step": [1, 2, 3], "total": [5, 3, 2], "localization": [2, 1, None], "confidence": [3, 2, 1]},
    "evaluations": {"step": [2, 3], "mean_ap": [None, 0.5]},
    "top": 6.0,
}


@pytest.fixture(scope="module")
def about():
    return evaluated(boxes=VOC300, training=TRAINING)


@pytest.fixture(scope="module")
def html(about):
    return html_report(about)


@pytest.fixture(scope="module")
def file(html, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


def data_of(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1])


def test_the_page_is_whole(html):
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert "default-src &#39;none&#39;" in html
    assert html.count("prefers-color-scheme: dark") == 2
    links = set(re.findall(r'href="#([^"]+)"', html))
    assert links <= set(re.findall(r'id="([^"]+)"', html))


def test_names_cannot_become_html():
    class Rude(SyntheticDataset):
        class_names = ("</script><script>alert(1)</script>", "<!--", '"onload="')

    html = html_report(evaluated(Rude(3, seed=3), title="<b>bold"))
    assert "<script>alert" not in html
    assert data_of(html)["classes"] == list(Rude.class_names)
    assert "&lt;b&gt;bold" in html


def test_what_cannot_be_read_is_named_and_everything_else_is_there(about):
    class Unreadable(SyntheticDataset):
        def __getitem__(self, index):
            return replace(super().__getitem__(index), image=b"")

    html = html_report(replace(about, images=Images(Unreadable(12, seed=3), range(12), "ignore")))
    assert "of those asked for: synthetic-3-" in html
    assert html.count("There is none that can be shown.") == 2
    assert data_of(html)["pictures"] == []


def test_a_detector_that_finds_nothing(tmp_path):
    """No detection is right, so that no threshold is best."""
    dataset = SyntheticDataset(3, seed=3)
    truth = dataset_ground_truth(dataset).images
    found = [ImageDetections(np.array([[0.0, 0, 2, 2]]), np.array([1]), np.float32([0.5])) for _ in truth]
    about = replace(
        evaluated(dataset),
        errors=error_report(found, truth, num_classes=4),
        scores=average_precision(found, truth, num_classes=4, metric="voc12"),
    )
    html = html_report(about)
    assert "No threshold is best" in html
    assert data_of(html)["start"] == 0


@pytest.fixture
def page(browser, file):
    with opened(browser, file) as page:
        yield page


def shown(page, *names):
    return [page.inner_text(f"#now-{name}") for name in names]


def test_the_slider_redraws_numbers_pictures_and_charts_at_once(page, about, html):
    data, best = data_of(html), about.errors.thresholds
    expected = [best.at_overall.mean_precision, best.at_overall.mean_recall, best.at_overall.mean_f1]
    assert shown(page, "precision", "recall", "f1") == [f"{value:.2f}" for value in expected]
    boxes = page.locator("#alarms-cards .box.wrong").count()
    marker = page.get_attribute("#over-threshold .now", "d")
    page.focus("#slider")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    stop = data["start"] + 20
    assert shown(page, "threshold") == [f"{data['stops'][stop]:.2f}"]
    right, wrong = (np.array(data[name])[:, stop] for name in ("right", "wrong"))
    assert shown(page, "precision") == [f"{np.mean(right / (right + wrong)):.2f}"]
    assert shown(page, "recall") == [f"{np.mean(right / data['objects']):.2f}"]
    alarms = [data["pictures"][card[0]]["found"] for card in data["alarms"]]
    assert page.locator("#alarms-cards .box.wrong").count() == sum(row[6] == 1 and row[5] > stop for rows in alarms for row in rows)
    assert page.locator("#alarms-cards .box.wrong").count() < boxes
    assert page.get_attribute("#over-threshold .now", "d") != marker
    assert f"precision {shown(page, 'precision')[0]}" in page.get_attribute("#slider", "aria-valuetext")
    page.keyboard.press("Home")
    assert page.locator("#misses-cards .over").count() == sum(
        data["pictures"][card[0]]["truth"][card[2]][5] > 0 for card in data["misses"]
    )
    page.click("#to-best")
    assert shown(page, "precision") == [f"{expected[0]:.2f}"]


def test_cells_show_their_pictures_by_keys(page, about):
    counts = about.errors.confusion.counts
    page.focus("#matrix button")
    assert focused(page, "data-cell") == "1-1"
    for key, cell in (("ArrowRight", "1-2"), ("ArrowDown", "2-2"), ("ArrowLeft", "2-1"), ("End", "0-0"), ("ArrowUp", "3-0")):
        page.keyboard.press(key)
        assert focused(page, "data-cell") == cell
    page.keyboard.press("Enter")
    assert page.inner_text("#cell-title") == f"triangle missed: {counts[3, 0]}"
    assert page.locator("#cell-pictures .card").count() == min(6, counts[3, 0])
    assert page.locator("#cell-pictures .box.about").count() == min(6, counts[3, 0])
    assert focused(page, "aria-pressed") == "true"
    page.click('#matrix [data-cell="1-1"]')
    assert page.inner_text("#cell-title") == f"circle found as such: {counts[1, 1]}"
    assert page.locator("#matrix [aria-pressed=true]").count() == 1


def test_tab_goes_from_skip_links_to_the_slider_and_past_the_matrix(page):
    page.keyboard.press("Tab")
    assert focused(page, "href") == "#slider"
    page.keyboard.press("Enter")
    assert focused(page, "id") == "slider"
    page.focus("#matrix button")
    page.keyboard.press("Tab")
    assert focused(page, "data-cell") is None


def test_scores_that_are_no_probabilities_are_a_page_too(browser, tmp_path):
    dataset = SyntheticDataset(3, seed=3)
    truth = dataset_ground_truth(dataset).images
    found = [made_up(image, (300, 300), alarms=3, seed=1) for image in truth]
    found = [replace(image, scores=100 * image.scores - 20) for image in found]
    scores, errors = average_precision(found, truth, num_classes=4, metric="voc12"), error_report(found, truth, num_classes=4)
    (tmp_path / "report.html").write_text(html_report(replace(evaluated(dataset), errors=errors, scores=scores)), encoding="utf-8")
    with opened(browser, tmp_path / "report.html") as page:
        assert shown(page, "recall") == [f"{errors.thresholds.at_overall.mean_recall:.2f}"]
        assert page.locator("#calibration-chart").count() == 0
        page.focus("#slider")
        page.keyboard.press("Home")
        objects, hits = errors.judged.ground_truth.labels, errors.judged.detections.labels[errors.judged.detections.hits]
        recall = np.mean([np.sum(hits == label) / np.sum(objects == label) for label in np.unique(objects)])
        assert shown(page, "recall") == [f"{recall:.2f}"]


def test_a_class_has_curves_of_its_own(page):
    before = page.get_attribute("#precision-recall .curve", "d")
    page.select_option("#of-class", label="square")
    assert page.get_attribute("#precision-recall .curve", "d") != before


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1400, False)])
def test_it_fits_any_width_and_both_schemes(browser, file, width, dark):
    with opened(browser, file, width=width, dark=dark) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)"
        )
        for chart in page.locator(".charts svg").all():
            assert chart.locator("path, rect").count() > 2
