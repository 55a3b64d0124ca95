"""Which tests belong to which module: those that are to notice a change of it, the fastest first."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Target(NamedTuple):
    """A module, and its tests as arguments of pytest."""

    module: str
    tests: tuple[str, ...]
    core: bool = False

    @property
    def path(self) -> Path:
        """The module's file."""
        return ROOT / f"{self.module.replace('.', '/')}.py"

    @property
    def imported(self) -> str:
        """The name by which it is imported; `module` names the file of a package too."""
        return self.module.removesuffix(".__init__")


def _core(name: str, *more: str) -> Target:
    own = (f"tests/test_{name}.py", f"parity_tests/test_{name}.py")
    tests = (
        *(test for test in own if (ROOT / test).exists()),
        "parity_tests/test_constants.py",
        "parity_tests/test_options.py",
        *more,
    )
    return Target(f"tf_ssd.{name}", tests, core=True)


def _room(room: str, modules: str, *tests: str) -> tuple[Target, ...]:
    """Modules of a room of tf_ssd that have their tests in common."""
    return tuple(Target(f"tf_ssd.{room}{module}", tests) for module in modules.split())


SMALL_WORLDS = "parity_tests/test_small_worlds.py"
AUGMENT = ("tests/data/augment", "parity_tests/test_pipeline.py")
OPTIMIZER = ("tests/optimizer", "parity_tests/test_optimizer.py", "parity_tests/test_options_of_training.py")
NETWORKS = ("tests/network/test_networks.py", "parity_tests/test_networks.py", "parity_tests/test_architectures.py")
LAYERS = (
    *(f"tests/network/test_{part}.py" for part in ("output", "heads", "convolution", "layers", "batch_norm")),
    "parity_tests/test_constants_of_network.py",
    "parity_tests/test_descriptions.py",
    "tests/test_model.py",
    *NETWORKS,
)
KERNELS = (
    "tests/network/kernels",
    "tests/network/test_layers.py",
    "parity_tests/test_winograd.py",
    "parity_tests/test_constants_of_network.py",
)
COCO = (
    *(f"tests/data/readers/test_coco{part}.py" for part in ("_ids", "_json", "")),
    "tests/data/test_ground_truth.py",
    "tests/evaluate/test_coco_ground_truth.py",
)
CSV = ("tests/data/readers/test_csv_rows.py", "tests/data/readers/test_csv.py")
TFRECORD = tuple(f"tests/data/readers/test_tfrecord{part}.py" for part in ("_example", "_index", "_files", ""))
YOLO = (
    *(f"tests/data/readers/test_yolo{part}.py" for part in ("_hint", "_labels", "_yaml", "_folder", "")),
    "tests/data/test_recognise.py",
)

TARGETS = (
    _core("boxes"),
    _core("default_boxes"),
    _core("coder"),
    _core("matcher", f"{SMALL_WORLDS}::test_every_matching"),
    _core("scores"),
    _core("loss", "parity_tests/test_scores.py", f"{SMALL_WORLDS}::test_every_mining"),
    _core("detect", "parity_tests/test_scores.py", f"{SMALL_WORLDS}::test_every_suppression"),
    Target("tf_ssd.boxes_px", ("tests/test_boxes_px.py",)),
    *_room("network.kernels.", "winograd parts choice dilation", *KERNELS),
    *_room("network.", "kernels.pooling", "tests/network/kernels/test_pooling.py", "parity_tests/test_pooling.py"),
    *_room("network.", "convolution layers heads extras output", *LAYERS),
    *_room("network.backbones.", "vgg mobilenet_v1 mobilenet_v2 mobilenet_v3", "tests/network/backbones", *LAYERS),
    *_room("network.", "freeze body", "tests/network/test_freeze.py", "parity_tests/test_torchvision_freezing.py"),
    *_room("optimizer.", "caffe schedules rates clipping average", *OPTIMIZER),
    *_room("metrics.", "voc coco images matching points scores", "tests/metrics", "parity_tests/test_relations.py"),
    *_room("metrics.errors.", "calibration classes confusion groups judged judging lost report thresholds", "tests/metrics/errors"),
    *_room("data.augment.", "geometry windows photometric example __init__", *AUGMENT),
    *_room("data.readers.", "coco coco_ids coco_json coco_rows", *COCO),
    *_room("data.readers.", "csv csv_rows", *CSV),
    *_room(
        "data.readers.",
        "label_map tfrecord tfrecord_example tfrecord_files tfrecord_index",
        "tests/data/readers/test_label_map.py",
        *TFRECORD,
    ),
    *_room("data.readers.", "voc voc_images voc_split voc_xml", "tests/data/readers/test_voc.py"),
    *_room("data.readers.", "yolo yolo_folder yolo_hint yolo_images yolo_labels yolo_yaml", *YOLO),
    *_room("data.readers.", "lazy", "tests/data/readers/test_lazy.py", *CSV, *YOLO),
    *_room("predict.", "coco_results", "tests/predict/test_coco_results.py", "tests/predict/test_outputs.py"),
    *_room(
        "evaluate.",
        "coco_results coco_ground_truth",
        "tests/evaluate/test_coco_results.py",
        "tests/evaluate/test_coco_ground_truth.py",
    ),
    *_room("train.trainer.", "checkpoints", "tests/train/trainer/test_checkpoints.py"),
    *_room("weights.", "saved", "tests/weights/test_saved.py", "tests/weights/test_trained.py"),
)


def named(modules: Sequence[str]) -> list[Target]:
    """The targets of modules or rooms, such as `matcher`, `tf_ssd.matcher` or `data.readers`; those of the core if none is named.

    Raises:
        ValueError: nothing is known of a module.
    """
    if not modules:
        return [target for target in TARGETS if target.core]
    return list(dict.fromkeys(target for name in modules for target in _of(name.removeprefix("tf_ssd."))))


def _of(name: str) -> list[Target]:
    known = {target.module.removeprefix("tf_ssd."): target for target in TARGETS}
    found = [target for module, target in known.items() if module == name or module.startswith(f"{name}.")]
    if not found:
        raise ValueError(f"{name}: no such target; there are {', '.join(known)}")
    return found
