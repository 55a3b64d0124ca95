"""The files that pages speak of, under the names that they have there, all of them small."""

import shutil
from collections.abc import Callable
from contextlib import chdir
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.data import every_layout
from tests.manual.smaller import TRAINING, without_graphs
from tests.manual.weights import bundle, drawn
from tests.voc_folder import write_voc
from tf_ssd.data.readers.voc import VocDataset
from tf_ssd.data.synthetic import CLASS_NAMES
from tf_ssd.predict.video import Frame, write_video
from tf_ssd.train import __main__ as train
from tf_ssd.weights.tables.amdegroot import AMDEGROOT, REDUCED_FC
from tf_ssd.weights.tables.torchvision import SSD300 as TORCHVISION

VOC = "VOCdevkit/VOC2007"
COCO_CLASSES, VOC_CLASSES, OPEN_IMAGES_CLASSES = 91, 21, 24  # background included
LOSS = """import tensorflow as tf

from tf_ssd import matcher
from tf_ssd.audit.asking.production import padded
from tf_ssd.loss import multibox_loss


def multibox(offsets, logits, gt_boxes, gt_labels, default_boxes):
    target = matcher.targets(*padded(gt_boxes, gt_labels), default_boxes)
    return multibox_loss(offsets, logits, *target)[:3]
"""


def voc(path: Path) -> None:
    """Five pictures to train on, three held out, which are those of the test too."""
    write_voc(path, suffix=".jpg")
    sets = path / "ImageSets/Main"
    shutil.copy(sets / "val.txt", sets / "test.txt")
    (sets / "trainval.txt").write_text("".join((sets / f"{name}.txt").read_text() for name in ("train", "val")))


def coco(path: Path) -> None:
    for split, pictures in _pictures(path).items():
        every_layout.coco(path, f"{split}2017", pictures)


def csv(path: Path) -> None:
    for split, pictures in _pictures(path).items():
        every_layout.csv(path, split, pictures)


def yolo(path: Path) -> None:
    for split, pictures in _pictures(path).items():
        every_layout.yolo(path, split, pictures, names=CLASS_NAMES)
    with (path / "data.yaml").open("a") as file:
        file.write("train: ../images/train\n")


def tfrecord(path: Path) -> None:
    for split, pictures in _pictures(path).items():
        every_layout.tfrecord(path, split, pictures)


def photos(path: Path) -> None:
    path.mkdir()
    for number in range(2):
        picture(path / f"{number}.jpg")


def picture(path: Path, size: tuple[int, int] = (320, 240)) -> None:
    path.parent.mkdir(exist_ok=True)
    coarse = np.random.default_rng(len(path.name)).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(coarse).resize(size).save(path)


def video(path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8)
    write_video(path, [Frame(frame, number / 25) for number, frame in enumerate(pixels)], Fraction(25))


def run(path: Path) -> None:
    """Trained on VOC, which the world has already."""
    options = [word for option in TRAINING.items() for word in option]
    with chdir(path.parents[1]), without_graphs():
        assert train.main(["--data", VOC, *options, "--output", str(path)]) == 0


def own_loss(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(LOSS)


def module(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(LOSS.replace("multibox(", "function("))


# By name; what a page writes by itself it is not given.
FILES: dict[str, Callable[[Path], None]] = {
    VOC: voc,
    "coco": coco,
    "cells": csv,
    "pets": yolo,
    "records": tfrecord,
    "photos": photos,
    "more/a.png": picture,
    "runs/voc": run,
    "photo.jpg": picture,
    "a.jpg": picture,
    "b.png": picture,
    "large.jpg": lambda path: picture(path, (800, 600)),
    "street.mp4": video,
    "mypackage/losses.py": own_loss,
    "package/module.py": module,
    "ssd300_vgg16_coco-b556d3b4.pth": lambda path: torch.save(drawn(TORCHVISION, COCO_CLASSES), path),
    "ssd300_mAP_77.43_v2.pth": lambda path: torch.save(drawn(AMDEGROOT, VOC_CLASSES), path),
    "vgg16_reducedfc.pth": lambda path: torch.save(drawn(REDUCED_FC, VOC_CLASSES), path),
    ".cache/tf_ssd/published/objectron_solution_packed_assets.data": lambda path: path.write_bytes(bundle(OPEN_IMAGES_CLASSES)),
}
# How pages speak of a file that they do not name.
SPOKEN_OF = {"more/a.png": "more/*.png", "mypackage/losses.py": "mypackage.losses", "package/module.py": "package.module"}


def _pictures(path: Path) -> dict[str, list[every_layout.Picture]]:
    """Those of VOC, of the two splits."""
    voc = path.parent / VOC
    return {split: every_layout.pictures_of(VocDataset(voc, split, class_names=CLASS_NAMES)) for split in ("train", "val")}
