import pytest

from tf_ssd.config import NETWORKS, DetectionConfig, DetectionFlags
from tf_ssd.config.detection import SHOWN
from tf_ssd.errors import ConfigError

LITE = DetectionConfig(score_threshold=0.001, iou_threshold=0.55, top_k=300, max_detections=300)
OD_API = DetectionConfig(score_threshold=1e-8, iou_threshold=0.6, top_k=100, max_detections=100)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_detects_as_it_was_published(name):
    published = DetectionConfig(0.01, 0.45, 400, 200) if "vgg" in name else LITE if "v3" in name else OD_API
    assert DetectionFlags().of(NETWORKS[name].detection) == published


def test_what_is_not_given_is_the_networks():
    assert SHOWN.of(LITE) == DetectionConfig(0.3, 0.55, 300, 300)
    assert DetectionFlags(score_threshold=0.0, top_k=7).of(OD_API) == DetectionConfig(0.0, 0.6, 7, 100)
    assert DetectionFlags(iou_threshold=0.2, max_detections=3, class_agnostic=True).of(LITE) == (
        DetectionConfig(0.001, 0.2, 300, 3, class_agnostic=True)
    )
    assert DetectionFlags().of(DetectionConfig(class_agnostic=True)).class_agnostic


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("score_threshold", 1, "--score-threshold=1: must be from 0 to below 1"),
        ("score_threshold", "good", "--score-threshold='good': must be a number, or best"),
        ("iou_threshold", 0, "--iou-threshold=0: must be above 0, up to 1"),
        ("top_k", 0, "--top-k=0: must be at least 1"),
        ("max_detections", 0, "--max-detections=0: must be at least 1"),
    ],
)
def test_what_is_out_of_range_is_refused_before_the_network_is_known(setting, value, message):
    with pytest.raises(ConfigError, match=message):
        DetectionFlags(**{setting: value})


def test_the_best_threshold_may_be_asked_for_before_it_is_known():
    assert DetectionFlags(score_threshold="best").score_threshold == "best"
    with pytest.raises(ConfigError, match="--top-k"):
        DetectionFlags(score_threshold="best", top_k=0)
