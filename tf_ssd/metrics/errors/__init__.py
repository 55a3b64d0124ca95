"""What a detector does wrong: kinds of error, thresholds, confusion, average precision by size and crowding, calibration."""

from tf_ssd.metrics.errors.calibration import Calibration
from tf_ssd.metrics.errors.confusion import Confusion, confusion
from tf_ssd.metrics.errors.groups import Group
from tf_ssd.metrics.errors.judged import FALSE_ALARMS, Judged, JudgedDetections, JudgedGroundTruth, Kind
from tf_ssd.metrics.errors.lost import LostAP
from tf_ssd.metrics.errors.report import ErrorReport, error_report
from tf_ssd.metrics.errors.thresholds import OperatingPoints, Thresholds

__all__ = [
    "FALSE_ALARMS",
    "Calibration",
    "Confusion",
    "ErrorReport",
    "Group",
    "Judged",
    "JudgedDetections",
    "JudgedGroundTruth",
    "Kind",
    "LostAP",
    "OperatingPoints",
    "Thresholds",
    "confusion",
    "error_report",
]
