"""XLA compiles once for all batches of a shape: `python tests/test_compilations.py FOLDER` counts, with `--xla_dump_to=FOLDER`."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.data.generator import Batch
from tf_ssd.model import ssd300
from tf_ssd.optimizer import CaffeSGD
from tf_ssd.trainer.step import TrainingStep

BATCHES = 3


def numbers(folder: Path) -> list[int]:
    """Compiled modules so far after each of some batches."""
    step = TrainingStep(ssd300(ModelConfig(num_classes=3, width=0.03125)), CaffeSGD(1e-5))
    random, counts = np.random.default_rng(0), []
    for _ in range(BATCHES):
        corners = random.uniform(0, 0.5, (2, 8, 2))
        boxes = np.concatenate([corners, corners + random.uniform(0.1, 0.5, corners.shape)], axis=-1).astype(np.float32)
        labels = random.integers(0, 3, (2, 8)).astype(np.int32)
        images = random.uniform(0, 255, (2, 300, 300, 3)).astype(np.float32)
        step.update(step.outcome(Batch(*map(tf.constant, (images, boxes, labels, labels > 5, labels > 5, np.arange(2))))))
        counts.append(len(list(folder.glob("*before_optimizations.txt"))))
    return counts


def test_other_values_compile_nothing(tmp_path):
    """If a shape or the start of a slice depends on boxes or labels, XLA takes them for constants, and compiles for each batch."""
    environment = {**os.environ, "XLA_FLAGS": f"--xla_dump_to={tmp_path}"}
    output = subprocess.run(
        [sys.executable, __file__, tmp_path], env=environment, capture_output=True, text=True, check=True
    ).stdout
    first, *others = map(int, output.split())
    assert first > 0
    assert others == [first] * (BATCHES - 1)


if __name__ == "__main__":
    print(*numbers(Path(sys.argv[1])))
