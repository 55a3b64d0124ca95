"""torchvision's own code as a third witness, behind the face of `adapters` and in the conventions of tf_ssd.

Nothing of torchvision is rewritten here. What its names expect (lists of images, corners instead of `cxcywh`, pixels) is made from
batched, padded arrays in fractions of the image side, and what it returns is put back. An image is one pixel wide and high: then
pixels and fractions are the same number. Where torchvision's own pipeline in pixels matters, the tests call it themselves.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import ops
from torchvision.models.detection import ssd300_vgg16
from torchvision.models.detection._utils import SSDMatcher
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD

from parity_tests.adapters import Arrays, weights_like
from tf_ssd.audit.asking.torchvision_ssd import Fixed

FEATURE_MAPS = (38, 19, 10, 5, 3, 1)  # cells per side of VGG16's sources for an image of 300 pixels
with torch.device("meta"):  # its settings matter here, not its 35 million parameters
    SSD300 = ssd300_vgg16(weights=None, weights_backbone=None)


class Torchvision:
    """torchvision under the names of tf_ssd's operations."""

    name = "torchvision"

    def call(self, operation: str, *inputs: np.ndarray, **options: Any) -> Arrays:
        """The results of an operation, always as a tuple."""
        results = OPERATIONS[operation](*map(_tensor, inputs), **options)
        results = results if isinstance(results, tuple) else (results,)
        return tuple(result.detach().numpy() for result in results)

    def gradients(self, operation: str, *inputs: np.ndarray, wrt: Sequence[int] = (0,), **options: Any) -> Arrays:
        """Gradients of the weighted sum of the first result (`adapters.weights_like`) for the inputs numbered in `wrt`."""
        return self.value_and_gradients(operation, *inputs, wrt=wrt, **options)[1]

    def value_and_gradients(
        self, operation: str, *inputs: np.ndarray, wrt: Sequence[int] = (0,), **options: Any
    ) -> tuple[Arrays, Arrays]:
        """What `call` and `gradients` give, from one run."""
        tensors = [_tensor(array) for array in inputs]
        chosen = [tensors[number].requires_grad_() for number in wrt]
        results = OPERATIONS[operation](*tensors, **options)
        results = results if isinstance(results, tuple) else (results,)
        weights = torch.from_numpy(weights_like(tuple(results[0].shape))).to(results[0].dtype)
        gradients = torch.autograd.grad((results[0] * weights).sum(), chosen)
        return tuple(result.detach().numpy() for result in results), tuple(gradient.numpy() for gradient in gradients)


class OffsetsAsTheyAre:
    """Stands for the box coder: the "boxes" of a target are its offsets already, so that the loss is seen without rounding."""

    def encode_single(self, reference_boxes: Tensor, proposals: Tensor) -> Tensor:
        return reference_boxes


def ssd(offsets: Tensor, logits: Tensor, anchors: Tensor, *, size: int = 1, **settings: Any) -> SSD:
    """Torchvision's SSD, whole but for its convolutions: the head's output (B, K, ...) is given.

    Args:
        offsets: (B, K, 4).
        logits: (B, K, C).
        anchors: (K, 4) xyxy, in pixels of an image of `size`.
        size: side of the image in pixels.
        settings: arguments of `SSD`, under its own names.
    """
    head = Fixed({"bbox_regression": offsets, "cls_logits": logits})
    generator = Fixed([anchors] * len(offsets))
    return SSD(Fixed(torch.zeros(1)), generator, (size, size), logits.shape[-1], head=head, **settings)


def default_boxes_px(dtype: torch.dtype = torch.float32) -> Tensor:
    """The default boxes (K, 4) xyxy in pixels that ssd300_vgg16 uses for predictions of `dtype`."""
    images = ImageList(torch.zeros(1, 3, 300, 300), [(300, 300)])
    return SSD300.anchor_generator(images, [torch.zeros(1, 1, cells, cells, dtype=dtype) for cells in FEATURE_MAPS])[0]


def annotations(gt_boxes: Tensor, gt_labels: Tensor) -> list[dict[str, Tensor]]:
    """Targets as torchvision wants them, image by image, without padding (label 0)."""
    images = zip(gt_boxes, gt_labels, strict=True)
    return [{"boxes": boxes[labels != 0], "labels": labels[labels != 0].long()} for boxes, labels in images]


def _encode(boxes: Tensor, default_boxes: Tensor) -> Tensor:
    return SSD300.box_coder.encode_single(boxes, _corners(default_boxes))


def _decode(offsets: Tensor, default_boxes: Tensor) -> Tensor:
    return SSD300.box_coder.decode_single(offsets, _corners(default_boxes))


def _match(gt_boxes: Tensor, gt_labels: Tensor, default_boxes: Tensor, *, threshold: float = 0.5) -> Tensor:
    """Image by image; the matcher itself refuses an image without rows, which `SSD.forward` keeps from it."""
    anchors = _corners(default_boxes)
    matches = torch.full((len(gt_boxes), len(anchors)), -1)
    for image, (boxes, labels) in enumerate(zip(gt_boxes, gt_labels, strict=True)):
        rows = torch.nonzero(labels != 0).flatten()
        if len(rows):
            match = SSDMatcher(threshold)(ops.box_iou(boxes[rows], anchors))
            matches[image] = torch.where(match >= 0, rows[match], -1)
    return matches.int()


def _multibox_loss(
    offsets: Tensor, logits: Tensor, target_offsets: Tensor, target_labels: Tensor, **settings: Any
) -> tuple[Tensor, ...]:
    """`SSD.compute_loss` on given targets: every default box with a label is matched to a row of its own."""
    labels = target_labels.long()
    model = ssd(offsets, logits, torch.zeros(labels.shape[1], 4), **settings)
    model.box_coder = OffsetsAsTheyAre()
    targets = [{"boxes": image, "labels": label} for image, label in zip(target_offsets, labels, strict=True)]
    matched = list(torch.where(labels != 0, torch.arange(labels.shape[1]), -1))
    return _parts(model.compute_loss(targets, model.head(), model.anchor_generator(), matched))


def _training(offsets: Tensor, logits: Tensor, gt_boxes: Tensor, gt_labels: Tensor, default_boxes: Tensor) -> tuple[Tensor, ...]:
    """`SSD.forward` in training: checks, matching, encoding and loss."""
    model = ssd(offsets, logits, _corners(default_boxes))
    return _parts(model.train()(_images(offsets), annotations(gt_boxes, gt_labels)))


def _detect(
    offsets: Tensor,
    logits: Tensor,
    default_boxes: Tensor,
    *,
    score_threshold: float = 0.01,
    iou_threshold: float = 0.45,
    top_k: int = 400,
    max_detections: int = 200,
) -> tuple[Tensor, ...]:
    """`SSD.forward` in evaluation; detections padded with zeros to `max_detections`, and their number."""
    model = ssd(
        offsets,
        logits,
        _corners(default_boxes),
        score_thresh=score_threshold,
        nms_thresh=iou_threshold,
        topk_candidates=top_k,
        detections_per_img=max_detections,
    )
    found = model.eval()(_images(offsets))
    padded = {name: torch.stack([_pad(image[name], max_detections) for image in found]) for name in ("boxes", "labels", "scores")}
    return padded["boxes"], padded["labels"].int(), padded["scores"], torch.tensor([len(image["scores"]) for image in found]).int()


def _parts(losses: dict[str, Tensor]) -> tuple[Tensor, ...]:
    """(total, localization, confidence): torchvision's training script adds the two up."""
    return losses["bbox_regression"] + losses["classification"], losses["bbox_regression"], losses["classification"]


def _images(offsets: Tensor) -> list[Tensor]:
    return [torch.zeros(3, 1, 1)] * len(offsets)


def _corners(default_boxes: Tensor) -> Tensor:
    return ops.box_convert(default_boxes, "cxcywh", "xyxy")


def _pad(rows: Tensor, length: int) -> Tensor:
    return torch.cat([rows, rows.new_zeros((length - len(rows), *rows.shape[1:]))])


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array))


OPERATIONS = {
    "boxes.to_cxcywh": lambda boxes: ops.box_convert(boxes, "xyxy", "cxcywh"),
    "boxes.to_xyxy": lambda boxes: ops.box_convert(boxes, "cxcywh", "xyxy"),
    "boxes.area": ops.box_area,
    "boxes.iou": ops.box_iou,
    "boxes.clip": lambda boxes: ops.clip_boxes_to_image(boxes, (1, 1)),
    "coder.encode": _encode,
    "coder.decode": _decode,
    "matcher.match": _match,
    "loss.multibox_loss": _multibox_loss,
    "loss.training": _training,
    "detect.nms": ops.nms,
    "detect.batched_nms": ops.batched_nms,
    "detect.detect": _detect,
}
TORCHVISION = Torchvision()
