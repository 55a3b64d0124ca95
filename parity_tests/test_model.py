"""The whole network: the same weights give the same offsets and logits in tf_ssd, in reference_torch and in torchvision."""

import numpy as np
import pytest
import torch
import torchvision

import reference_torch.model as reference
from parity_tests.adapters import EAGER, TensorFlow
from parity_tests.network import channels_first, check_network, departure, photos, production_network, reference_network
from parity_tests.parametrize import SIDES_AND_DTYPES
from tf_ssd.config import COCO300, ModelConfig


@SIDES_AND_DTYPES
def test_random_weights(side: TensorFlow, dtype: type) -> None:
    weights = reference_network(dtype=torch.float32 if dtype == np.float32 else torch.float64)
    check_network(side, production_network(weights), weights, photos(0, 2, dtype))


def test_a_departure_is_named() -> None:
    weights = reference_network()
    model = production_network(weights)
    for name in ("conv1_1", "conv5_2", "fc6", "conv9_2", "logits_3"):
        kernel = model.get_layer(name).kernel
        right = kernel.numpy()
        kernel.assign(right * (1 + 1e-6))
        with pytest.raises(AssertionError, match=f"the first layer that departs is {name},"):
            check_network(EAGER, model, weights, photos(1, 1))
        kernel.assign(right)


def torchvision_network(weights: reference.SSD) -> torch.nn.Module:
    """The SSD300 of torchvision with the weights of another; its layers come in the order of their names there."""
    network = torchvision.models.detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=weights.num_classes)
    backbone, head = network.backbone, network.head
    body = [layer for part in (backbone.features, backbone.extra) for layer in part.modules() if isinstance(layer, torch.nn.Conv2d)]
    heads = zip(head.regression_head.module_list, head.classification_head.module_list, strict=True)
    theirs = [*body, *(layer for level in heads for layer in level)]
    for ours, layer in zip(weights.children(), theirs, strict=True):
        layer.load_state_dict(ours.state_dict())
    backbone.scale_weight.data = weights.scale.data.clone()
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
        features = network.backbone(channels_first(images) - weights.mean)
        outputs = network.head(list(features.values()))
    ours = model(images, training=False)
    for name, theirs in (("offsets", "bbox_regression"), ("logits", "cls_logits")):
        assert departure(ours[name].numpy(), outputs[theirs].numpy()) * np.finfo(np.float32).eps < 1e-4
