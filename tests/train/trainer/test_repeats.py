"""Two processes make the same steps to the bit: `python -m tests.train.trainer.test_repeats FOLDER` is one of them.

XLA compiles in the first step alone: with `--xla_dump_to=FOLDER`, the process counts what has been compiled so far.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.train.noise import random_batch
from tf_ssd.config import ModelConfig
from tf_ssd.model import ssd300
from tf_ssd.optimizer import CaffeSGD
from tf_ssd.train.trainer.step import TrainingStep

IMAGES, STEPS = 16, 2


def steps(folder: Path) -> list[str]:
    """Digests of gradients and weights, and the number of compiled modules, after each of some steps on different images.

    The steps need enough memory for TensorFlow to want to save some.
    """
    keras.utils.set_random_seed(0)
    model = ssd300(ModelConfig(num_classes=3, width=0.25))
    step, random, results = TrainingStep(model, CaffeSGD(1e-5)), np.random.default_rng(0), []
    for _ in range(STEPS):
        outcome = step.outcome(random_batch(random, IMAGES))
        step.update(outcome)
        modules = len(list(folder.glob("*before_optimizations.txt")))
        results += [digest(outcome.gradients), digest(model.weights), str(modules)]
    return results


def digest(tensors: list) -> str:
    return hashlib.sha256(b"".join(np.asarray(tensor).tobytes() for tensor in tensors)).hexdigest()


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """By two processes, with as many threads as TensorFlow likes, unlike those of the tests: one would always keep the order."""
    environment = {
        name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS") and "OP_THREADS" not in name
    }
    processes = []
    for _ in range(2):
        folder = str(tmp_path_factory.mktemp("compiled"))
        dumping = {**environment, "XLA_FLAGS": f"--xla_dump_to={folder}"}
        command = [sys.executable, "-m", __name__, folder]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dumping))
    return [process.communicate()[0].split() for process in processes]


def test_two_processes_make_the_same_steps(printed):
    first, second = printed
    assert first == second
    digests = {text for text in first if not text.isdigit()}
    assert len(digests) == 2 * STEPS


def test_other_values_compile_nothing(printed):
    """If a shape or the start of a slice depends on boxes or labels, XLA takes them for constants, and compiles for each batch."""
    first, *others = map(int, printed[0][2::3])
    assert first > 0
    assert others == [first] * (STEPS - 1)


if __name__ == "__main__":
    print(*steps(Path(sys.argv[1])))
