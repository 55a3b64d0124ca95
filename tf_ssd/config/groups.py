"""In which groups the help of each command shows its options, by the names of the settings."""

from tf_ssd.config.audit import AuditConfig
from tf_ssd.config.check import CheckConfig
from tf_ssd.config.evaluate import EvaluateConfig
from tf_ssd.config.export import ExportConfig
from tf_ssd.config.predict import PredictConfig
from tf_ssd.config.train import TrainConfig
from tf_ssd.config.weights import WeightsConfig

Groups = dict[str, tuple[str, ...]]
DATASET = ("dataset", "data", "split", "classes", "exif")
DETECTION = ("score_threshold", "iou_threshold", "top_k", "max_detections", "class_agnostic")
TILING = ("tiles", "tile_overlap")
TRAIN: Groups = {
    "Data": (*DATASET, "eval_data", "eval_split", "unlabelled", "balance", "on_bad_image"),
    "Network": ("network", "weights", "width", "batch_norm", "default_boxes", "box_sizes"),
    "Recipe": (
        *("recipe", "steps", "batch_size", "optimizer", "learning_rate", "base_rate", "drops", "weight_decay", "frozen_blocks"),
        *("augmentation", "vertical_flip", "clip_norm", "ema"),
    ),
    "Loss": ("class_weights", "min_negatives", "difficult"),
    "Run": (
        *("output", "eval_every", "patience", "until", "extend", "checkpoint_every", "micro_batches", "precision"),
        *("deterministic", "seed", "overfit_one_batch", "replay", "quiet"),
    ),
}
CHECK: Groups = {
    "Data": (*DATASET, "balance"),
    "Network": ("network", "default_boxes"),
    "Recipe": ("recipe", "augmentation"),
    "Output": ("json", "plot", "show_augmentation"),
}
EVALUATE: Groups = {
    "Model": ("checkpoint", "last", "detections"),
    "Data": (*DATASET, "seed"),
    "Detection": (*DETECTION, *TILING),
    "Run": ("metric", "batch_size"),
    "Output": ("json", "plot", "report", "results"),
}
PREDICT: Groups = {
    "Data": ("images", "exif"),
    "Model": ("checkpoint", "last"),
    "Detection": (*DETECTION, *TILING),
    "Output": ("output", "overwrite", "explain"),
}
EXPORT: Groups = {
    "Model": ("checkpoint", "last"),
    "Output": ("format", "output", "quantize", "image_size", "batch_size", "raw_heads", "tflite_postprocess"),
    "Detection": DETECTION,
    "Data": ("images", "dataset", "data", "split"),
}
WEIGHTS: Groups = {
    "Data": ("file", "source", "channels"),
    "Network": ("network", "num_classes"),
    "Output": ("output",),
}
AUDIT: Groups = {
    "Loss": ("impl", "framework", "dtype", "scores"),
    "Run": ("case", "all", "accepted", "time_limit"),
    "Output": ("format", "json", "report", "export", "specification"),
}
GROUPS: dict[type, Groups] = {
    TrainConfig: TRAIN,
    CheckConfig: CHECK,
    EvaluateConfig: EVALUATE,
    PredictConfig: PREDICT,
    ExportConfig: EXPORT,
    WeightsConfig: WEIGHTS,
    AuditConfig: AUDIT,
}
