"""Settings as frozen dataclasses and named presets.

Nothing here imports TensorFlow, so that `--help` answers at once and a bad setting is reported before anything heavy is loaded.
"""

from tf_ssd.config.audit import AuditConfig
from tf_ssd.config.augment import AUGMENTATIONS, Augmentation, AugmentConfig
from tf_ssd.config.boxes import COCO300, PAPER300, PRESETS, VOC300, Clip, DefaultBoxesConfig, Preset, caffe_boxes
from tf_ssd.config.check import CheckConfig
from tf_ssd.config.data import DataConfig, DatasetKind, Exif, OnBadImage, Unlabelled
from tf_ssd.config.detection import DetectionConfig, DetectionFlags
from tf_ssd.config.evaluate import EvaluateConfig, Metric
from tf_ssd.config.export import ExportConfig, ExportFormat, Quantize
from tf_ssd.config.network import Architecture, LossConfig, ModelConfig, ScoreKind
from tf_ssd.config.networks import NETWORKS, NetworkName, network_named
from tf_ssd.config.predict import PredictConfig
from tf_ssd.config.recipes import RECIPES, OptimizerName, Recipe, RecipeName
from tf_ssd.config.rules import require
from tf_ssd.config.tiles import NO_TILES, Tiling
from tf_ssd.config.train import Difficult, Precision, TrainConfig
from tf_ssd.config.weights import Channels, WeightsConfig, WeightsSource

__all__ = [
    "AUGMENTATIONS",
    "COCO300",
    "NETWORKS",
    "NO_TILES",
    "PAPER300",
    "PRESETS",
    "RECIPES",
    "VOC300",
    "Architecture",
    "AuditConfig",
    "AugmentConfig",
    "Augmentation",
    "Channels",
    "CheckConfig",
    "Clip",
    "DataConfig",
    "DatasetKind",
    "DefaultBoxesConfig",
    "DetectionConfig",
    "DetectionFlags",
    "Difficult",
    "EvaluateConfig",
    "Exif",
    "ExportConfig",
    "ExportFormat",
    "LossConfig",
    "Metric",
    "ModelConfig",
    "NetworkName",
    "OnBadImage",
    "OptimizerName",
    "Precision",
    "PredictConfig",
    "Preset",
    "Quantize",
    "Recipe",
    "RecipeName",
    "ScoreKind",
    "Tiling",
    "TrainConfig",
    "Unlabelled",
    "WeightsConfig",
    "WeightsSource",
    "caffe_boxes",
    "network_named",
    "require",
]
