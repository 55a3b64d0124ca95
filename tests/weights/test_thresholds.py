import json
import zipfile
from pathlib import Path

import pytest

from tf_ssd.config import DetectionFlags, EvaluateConfig, ExportConfig, PredictConfig
from tf_ssd.errors import ConfigError, WeightsError
from tf_ssd.evaluate import __main__ as evaluate
from tf_ssd.export import __main__ as export
from tf_ssd.predict import __main__ as predict
from tf_ssd.weights.thresholds import best_threshold, keep_thresholds, with_best_threshold


@pytest.fixture
def run(tmp_path):
    """Two models, of which only the names are looked at."""
    for name in ("best.keras", "model.keras"):
        zipfile.ZipFile(tmp_path / name, "w").close()
    return tmp_path


def overall(threshold):
    return {"step": 5, "overall": {"threshold": threshold}}


def test_each_model_has_its_own(run):
    keep_thresholds(run, "best.keras", overall(0.7))
    keep_thresholds(run, "model.keras", overall(0.25))
    keep_thresholds(run, "best.keras", overall(0.35))
    assert (best_threshold(run), best_threshold(run, last=True), best_threshold(run / "model.keras")) == (0.35, 0.25, 0.25)
    assert json.loads((run / "thresholds.json").read_text())["best.keras"] == overall(0.35)


@pytest.mark.parametrize("damaged", ["", "{", "[]", "7"])
def test_what_cannot_be_read_is_written_anew(run, damaged):
    (run / "thresholds.json").write_text(damaged)
    keep_thresholds(run, "best.keras", overall(0.35))
    assert best_threshold(run) == 0.35


def test_best_becomes_a_number_and_all_else_stays(run):
    keep_thresholds(run, "best.keras", overall(0.35))
    flags = DetectionFlags(score_threshold="best", top_k=7)
    assert with_best_threshold(flags, run) == DetectionFlags(score_threshold=0.35, top_k=7)
    for given in (0.2, None):
        assert with_best_threshold(DetectionFlags(given), run / "nowhere") == DetectionFlags(given)


@pytest.mark.parametrize(
    ("command", "config"),
    [
        (evaluate, EvaluateConfig),
        (predict, lambda **settings: PredictConfig(images=("-",), **settings)),
        (export, lambda **settings: ExportConfig(format="saved_model", output=Path("nowhere"), **settings)),
    ],
)
def test_each_command_looks_it_up_before_it_loads_anything(run, command, config):
    settings = config(checkpoint=run, detection=DetectionFlags(score_threshold="best"))
    with pytest.raises(ConfigError, match=r"thresholds\.json"):
        command.check(settings)
    keep_thresholds(run, "best.keras", overall(0.35))
    assert command.check(settings).detection.score_threshold == 0.35


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            None,
            "best.keras has no thresholds.json beside it, which a run writes; evaluate it, python -m tf_ssd.evaluate --checkpoint",
        ),
        ("{", "cannot be read"),
        ("[]", "says nothing of best.keras; evaluate it"),
        ("3", "cannot be read"),
        ({"model.keras": overall(0.3)}, "says nothing of best.keras; evaluate it"),
        ({"best.keras": {}}, "cannot be read"),
        ({"best.keras": 5}, "cannot be read"),
        ({"best.keras": overall(None)}, "best.keras found nothing at any threshold; give a number"),
        ({"best.keras": overall("0.3")}, "the threshold of best.keras is '0.3'; evaluate it"),
        ({"best.keras": overall(1.5)}, "the threshold of best.keras is 1.5; evaluate it"),
    ],
)
def test_where_there_is_none(run, content, message):
    if content is not None:
        (run / "thresholds.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ConfigError, match=r"^--score-threshold best: ") as refused:
        best_threshold(run)
    assert message in str(refused.value)


def test_a_missing_model_is_said_first(tmp_path):
    with pytest.raises(WeightsError, match="no such file or folder"):
        best_threshold(tmp_path / "nowhere")
