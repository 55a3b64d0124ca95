"""The whole network: the same weights give the same offsets and logits in tf_ssd, in reference_torch and in torchvision."""

import numpy as np
import pytest
import torch
import torchvision

import reference_torch.model as reference
from parity_tests.adapters import EAGER, TensorFlow
from parity_tests.network import CONVOLUTIONS, SMALL, check_network, departure, photos, production_network, reference_network
from parity_tests.parametrize import SIDES_AND_DTYPES
from tf_ssd.config import COCO300, ModelConfig


@SIDES_AND_DTYPES
def test_random_weights(side: TensorFlow, dtype: type) -> None:
    weights = reference_network(dtype=torch.float32 if dtype == np.float32 else torch.float64)
    check_network(side, production_network(weights), weights, photos(0, 2, dtype))


def test_a_departure_is_named() -> None:
    weights = reference_network()
    for name in ("conv1_1", "conv5_2", "fc6", "conv9_2", "logits_3"):
        model = production_network(weights)
        kernel = model.get_layer(name).kernel
        kernel.assign(kernel * (1 + 1e-6))
        with pytest.raises(AssertionError, match=f"the first layer that departs is {name},"):
            check_network(EAGER, model, weights, photos(1, 1))


def torchvision_network(weights: reference.SSD300) -> torch.nn.Module:
    """The SSD300 of torchvision with the weights of another; its layers come in the order of their names there."""
    network = torchvision.models.detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=weights.num_classes)
    backbone, head = network.backbone, network.head
    body = [layer for part in (backbone.features, backbone.extra) for layer in part.modules() if isinstance(layer, torch.nn.Conv2d)]
    pairs = dict(zip(reference.CONVOLUTIONS, body, strict=True))
    for level, source in enumerate(reference.SOURCES):
        pairs[f"offsets_{source}"] = head.regression_head.module_list[level]
        pairs[f"logits_{source}"] = head.classification_head.module_list[level]
    for name, layer in pairs.items():
        layer.load_state_dict(getattr(weights, name).state_dict())
    backbone.scale_weight.data = weights.conv4_3_scale.data.clone()
    return network.eval()


def test_full_width_against_torchvision() -> None:
    """All three witnesses, 91 classes, the paper's channels; torchvision gets the pixels without its own resizing and mean."""
    config = ModelConfig(num_classes=91, boxes=COCO300)
    weights = reference_network(config, dtype=torch.float32)
    images = photos(2, 1, np.float32)
    model = production_network(weights, config)
    check_network(EAGER, model, weights, images)
    network = torchvision_network(weights)
    with torch.no_grad():
        features = network.backbone(torch.from_numpy(images).permute(0, 3, 1, 2) - weights.mean)
        outputs = network.head(list(features.values()))
    ours = model(images, training=False)
    for name, theirs in (("offsets", "bbox_regression"), ("logits", "cls_logits")):
        assert departure(ours[name].numpy(), outputs[theirs].numpy()) * np.finfo(np.float32).eps < 1e-4


def test_every_weight_is_compared() -> None:
    """The two networks have the same number of weights, and a name for each of the convolutions."""
    weights = reference_network()
    assert production_network(weights).count_params() == sum(parameter.numel() for parameter in weights.parameters())
    assert len(CONVOLUTIONS) == 23 + 12
    assert SMALL.boxes.num_boxes == 8732
