"""Two processes make the same steps to the bit: `python tests/test_repeats.py` is one of them."""

import hashlib
import subprocess
import sys

import keras
import numpy as np
import tensorflow as tf

from tf_ssd.config import ModelConfig
from tf_ssd.data.generator import Batch
from tf_ssd.model import ssd300
from tf_ssd.optimizer import CaffeSGD
from tf_ssd.trainer.step import TrainingStep

IMAGES, STEPS = 16, 3


def digests() -> list[str]:
    """Of the gradients and the weights of each step, which need enough memory for TensorFlow to want to save some."""
    random = np.random.default_rng(0)
    corners = random.uniform(0, 0.5, (IMAGES, 8, 2))
    boxes = np.concatenate([corners, corners + random.uniform(0.1, 0.5, corners.shape)], axis=-1).astype(np.float32)
    labels = random.integers(0, 3, (IMAGES, 8)).astype(np.int32)
    images = random.uniform(0, 255, (IMAGES, 300, 300, 3)).astype(np.float32)
    batch = Batch(*map(tf.constant, (images, boxes, labels, labels > 5, labels > 5, np.arange(IMAGES))))
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
    processes = [subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate()[0].split() for process in processes)
    assert first == second
    assert len(set(first)) == 2 * STEPS


if __name__ == "__main__":
    print(*digests())
