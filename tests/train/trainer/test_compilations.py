"""XLA compiles once for all batches of a shape: `python -m tests.test_compilations FOLDER` counts, with `--xla_dump_to=FOLDER`."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.train.noise import random_batch
from tf_ssd.config import ModelConfig
from tf_ssd.model import ssd300
from tf_ssd.optimizer import CaffeSGD
from tf_ssd.train.trainer.step import TrainingStep

BATCHES = 3


def numbers(folder: Path) -> list[int]:
    """Compiled modules so far after each of some batches."""
    step = TrainingStep(ssd300(ModelConfig(num_classes=3, width=0.03125)), CaffeSGD(1e-5))
    random, counts = np.random.default_rng(0), []
    for _ in range(BATCHES):
        step.update(step.outcome(random_batch(random, images=2)))
        counts.append(len(list(folder.glob("*before_optimizations.txt"))))
    return counts


def test_other_values_compile_nothing(tmp_path):
    """If a shape or the start of a slice depends on boxes or labels, XLA takes them for constants, and compiles for each batch."""
    environment = {**os.environ, "XLA_FLAGS": f"--xla_dump_to={tmp_path}"}
    output = subprocess.run(
        [sys.executable, "-m", __name__, tmp_path], env=environment, capture_output=True, text=True, check=True
    ).stdout
    first, *others = map(int, output.split())
    assert first > 0
    assert others == [first] * (BATCHES - 1)


if __name__ == "__main__":
    print(*numbers(Path(sys.argv[1])))
