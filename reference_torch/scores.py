"""Class scores from logits, and their cross entropy: one softmax over all classes, or a sigmoid for each class."""

import torch
from torch import Tensor
from torch.nn import functional


def probabilities(logits: Tensor, *, scores: str = "softmax") -> Tensor:
    """Scores of the classes, (..., C) -> (..., C), which add up to 1 for "softmax"; ValueError for neither kind."""
    return logits.softmax(dim=-1) if _checked(scores) == "softmax" else logits.sigmoid()


def cross_entropy(logits: Tensor, labels: Tensor, *, scores: str = "softmax") -> Tensor:
    """The cost of each row: logits (..., C), labels (...) integer -> (...), dtype of the logits.

    "softmax": -log softmax(logits)[label] (paper, equation 3). "sigmoid": -log sigmoid(x) of the label's own slot, and
    -log(1 - sigmoid(x)) = -log sigmoid(-x) of each other, added up (TensorFlow Object Detection API).
    NaN where the label is outside 0..C-1 or a logit of the row is NaN. ValueError for neither kind.
    """
    inside = (labels >= 0) & (labels < logits.shape[-1])
    labels = torch.where(inside, labels, 0).long()
    if _checked(scores) == "softmax":
        losses = functional.cross_entropy(logits.flatten(end_dim=-2), labels.flatten(), reduction="none")  # [all]
    else:
        losses = torch.zeros_like(logits[..., 0])
        for slot, x in enumerate(logits.unbind(-1)):
            losses = losses - functional.logsigmoid(torch.where(labels == slot, x, -x))
    return torch.where(inside, losses.reshape(inside.shape), torch.nan)


def _checked(scores: str) -> str:
    if scores not in ("softmax", "sigmoid"):
        raise ValueError(f"scores is {scores!r}; use 'softmax' or 'sigmoid'")
    return scores
