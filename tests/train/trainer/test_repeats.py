"""Two processes make the same steps to the bit: `python -m tests.train.trainer.test_repeats` is one of them."""

import hashlib
import os
import subprocess
import sys

import keras
import numpy as np

from tests.train.noise import random_batch
from tf_ssd.config import ModelConfig
from tf_ssd.model import ssd300
from tf_ssd.optimizer import CaffeSGD
from tf_ssd.train.trainer.step import TrainingStep

IMAGES, STEPS = 16, 3


def digests() -> list[str]:
    """Of the gradients and the weights of each step, which need enough memory for TensorFlow to want to save some."""
    batch = random_batch(np.random.default_rng(0), IMAGES)
    keras.utils.set_random_seed(0)
    model = ssd300(ModelConfig(num_classes=3, width=0.25))
    step, results = TrainingStep(model, CaffeSGD(1e-5)), []
    for _ in range(STEPS):
        outcome = step.outcome(batch)
        step.update(outcome)
        results += [digest(outcome.gradients), digest(model.weights)]
    return results


def digest(tensors: list) -> str:
    return hashlib.sha256(b"".join(np.asarray(tensor).tobytes() for tensor in tensors)).hexdigest()


def test_two_processes_make_the_same_steps():
    """With as many threads as TensorFlow likes, unlike the processes of the tests: one thread would always keep the order."""
    environment = {
        name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS") and "OP_THREADS" not in name
    }
    command = [sys.executable, "-m", __name__]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    first, second = (process.communicate()[0].split() for process in processes)
    assert first == second
    assert len(set(first)) == 2 * STEPS


if __name__ == "__main__":
    print(*digests())
