"""From gradients to weights: optimizer, learning rates, clipping, accumulation, averaging, freezing."""

from tf_ssd.network.freeze import freeze_blocks
from tf_ssd.optimizer.average import WeightAverage
from tf_ssd.optimizer.caffe import BIAS_RATE, CaffeSGD
from tf_ssd.optimizer.schedules import WarmupAndCosine, WarmupAndDrops
from tf_ssd.train.trainer.sums import StepSums, accumulate, clip_by_global_norm, divided, step_sums

__all__ = [
    "BIAS_RATE",
    "CaffeSGD",
    "StepSums",
    "WarmupAndCosine",
    "WarmupAndDrops",
    "WeightAverage",
    "accumulate",
    "clip_by_global_norm",
    "divided",
    "freeze_blocks",
    "step_sums",
]
