"""From gradients to weights: optimizer, learning rates, clipping, averaging."""

from tf_ssd.optimizer.average import WeightAverage
from tf_ssd.optimizer.caffe import BIAS_RATE, CaffeSGD
from tf_ssd.optimizer.clipping import clip_by_global_norm
from tf_ssd.optimizer.rates import Adam
from tf_ssd.optimizer.schedules import Restarted, WarmupAndCosine, WarmupAndDrops

__all__ = [
    "BIAS_RATE",
    "Adam",
    "CaffeSGD",
    "Restarted",
    "WarmupAndCosine",
    "WarmupAndDrops",
    "WeightAverage",
    "clip_by_global_norm",
]
