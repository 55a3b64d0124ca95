import json
import sys
from io import BytesIO, StringIO

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from benchmarks import datasets, exponents, pipeline, report, scaling, startup, timing
from benchmarks.comparison import MEASURES, SECTIONS, write_json
from benchmarks.exponents import Curve
from benchmarks.problems import Size, draw_problem
from benchmarks.scaling_plot import scaling_png


def curve(costs, *, stated: float = 1, sizes=(1, 2, 4, 8, 16, 32)) -> Curve:
    return Curve("matching", "G, rows", sizes, tuple(costs), stated)


def printed(table) -> str:
    text = StringIO()
    Console(file=text, width=200).print(table)
    return text.getvalue()


@pytest.mark.parametrize("power", [0, 0.5, 1, 2])
def test_the_exponent_of_a_power_law_is_found(power):
    sizes = np.array([1, 3, 10, 20, 50, 100])
    assert exponents.exponent(sizes, 7 * sizes**power) == pytest.approx(power, abs=1e-9)


def test_a_fixed_cost_hides_little_of_the_larger_sizes():
    sizes = np.array([1, 2, 4, 8, 16, 32])
    measured = curve(2 + sizes)
    assert 0.85 < measured.exponent < 1, "the fixed cost is at most a fifth of any in the larger half"
    assert exponents.exponent(sizes, 2 + sizes) < 0.75, "the smaller sizes would bring it down"


def test_only_what_grows_clearly_faster_than_stated_is_marked():
    sizes = np.array([1, 2, 4, 8, 16, 32])
    within, beyond = curve(sizes**1.1), curve(sizes**1.2)
    assert (within.exceeds, beyond.exceeds) == (False, True)
    first, second = (line for line in printed(exponents.table([within, beyond])).splitlines() if "matching" in line)
    assert "1.10" in first and "more than stated" not in first  # noqa: PT018  one line of the table
    assert "1.20" in second and "more than stated" in second  # noqa: PT018
    assert exponents.as_json(beyond)["exceeds"]


def test_each_size_counts_with_its_fastest_turn_relative_to_the_smallest(monkeypatch):
    times = {"10": [2.0, 9.0], "20": [8.0, 5.0], "40": [30.0, 12.0]}
    monkeypatch.setattr(scaling, "interleaved", lambda candidates, **_: {name: times[name] for name in candidates})
    experiment = scaling.Experiment("reading", "images", (10, 20, 40), lambda _: lambda: None, 1)
    assert scaling.run(experiment, repeats=2) == Curve("reading", "images", (10, 20, 40), (1, 2.5, 6), 1)


def test_every_experiment_varies_one_size_upwards():
    for experiment in scaling.experiments():
        assert list(experiment.sizes) == sorted(set(experiment.sizes)), experiment.operation
    assert 8732 in scaling.GRIDS
    assert scaling.grid(38).feature_maps == (38, 19, 10, 5, 3, 1)


def test_the_operations_are_those_of_the_sizes_asked_for():
    size = Size(images=2, rows=3, boxes=min(scaling.GRIDS), classes=4)
    targets = scaling.matching(size, strategy="argmax")()
    assert targets.offsets.shape == (2, size.boxes, 4)
    assert {name: array.shape for name, array in draw_problem(size, seed=0).items()} == {
        "offsets": (2, size.boxes, 4),
        "logits": (2, size.boxes, 4),
        "gt_boxes": (2, 3, 4),
        "gt_labels": (2, 3),
    }


def test_datasets_have_the_images_asked_for():
    assert [len(record.boxes_px) for record in datasets.read(3)()] == [datasets.ROWS] * 3
    scores = datasets.judged(40, metric="voc12")()
    assert scores.ground_truth_counts.sum() == 40 * datasets.ROWS
    assert 0.1 < scores.mean < 0.9, "some detections are right and some are not"


def test_the_picture_has_a_panel_for_each_variable():
    curves = [curve([1, 2, 4, 8, 16, 32]), curve([1, 2, 4, 8, 16, 32])._replace(variable="B, images")]
    three = [*curves, curves[0]._replace(variable="C, classes")]
    with Image.open(BytesIO(scaling_png(curves))) as small, Image.open(BytesIO(scaling_png(three))) as large:
        assert small.width == large.width
        assert large.height == 2 * small.height


@pytest.mark.parametrize("name", ["a$b$", "$", "x_$1^", "$\\frac$", "猫"])
def test_the_picture_shows_names_of_any_signs(name):
    named = curve([1, 2, 4, 8, 16, 32])
    pictures = {scaling_png([named]), scaling_png([named._replace(operation=name)]), scaling_png([named._replace(variable=name)])}
    assert len(pictures) == 3


def test_candidates_take_turns_and_another_begins_each_time():
    calls = []
    candidates = {name: lambda name=name: calls.append(name) for name in "abc"}
    seconds = timing.interleaved(candidates, repeats=2, warmup=1)
    assert "".join(calls) == "abcbcacab"
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2, "c": 2}


def test_the_last_candidate_is_compared_with_the_fastest_other():
    times = {"slow": [9.0, 9.0, 9.0], "fast": [4.0, 6.0, 8.0], "ours": [2.0, 2.0, 4.0]}
    row = report.compared("work", times, {"slow": 1, "fast": 20, "ours": 10}.__getitem__)
    assert row == report.Row("work", "ours", "fast", 2.0, [2.0, 3.0, 2.0], 10, 20)
    line = next(line for line in printed(report.table([row])).splitlines() if "work" in line)
    assert [cell.strip() for cell in line.split("│")[1:-1]] == ["work", "2.00x (2.00..3.00)", "10 of 20 MB", "fast"]


def test_all_is_written_to_json(tmp_path):
    row = report.Row("work", "ours", "theirs", 2.0, [2.0, 3.0], 10.0, 20.0)
    write_json(tmp_path / "all.json", [row], {"help_seconds": 0.5})
    assert json.loads((tmp_path / "all.json").read_text()) == {"rows": [row._asdict()], "help_seconds": 0.5}


def test_the_input_pipeline_is_a_row_like_the_others(monkeypatch):
    results = {"torchvision, tensors": ([6.0], 90.0), "torchvision, Pillow": ([4.0], 80.0), "tf_ssd": ([1.0], 70.0)}
    monkeypatch.setattr(pipeline, "measure_all", lambda *_, **__: results)
    monkeypatch.setattr(pipeline, "Photos", lambda *_: None)
    (section,) = MEASURES.keys() - SECTIONS.keys()
    assert MEASURES[section](section, 1) == report.Row(section, "tf_ssd", "torchvision, Pillow", 1.0, [4.0], 70.0, 80.0)


WRITER = "import sys, time; table = open(sys.argv[1], 'w', buffering=1); table.write('step\\n'); {}; time.sleep(60)"


def writer(table, then: str) -> list[str]:
    return [sys.executable, "-c", WRITER.format(then), str(table)]


def test_the_first_row_of_a_table_is_waited_for(tmp_path):
    table = tmp_path / "loss.csv"
    seconds = startup.seconds_until_row(writer(table, "time.sleep(0.3); table.write('1\\n')"), table)
    assert 0.3 < seconds < 30, "not until the command ends"


def test_a_command_that_ends_before_its_first_row_is_an_error(tmp_path):
    table = tmp_path / "loss.csv"
    with pytest.raises(RuntimeError, match="no memory left"):
        startup.seconds_until_row(writer(table, "sys.exit('no memory left')"), table)
