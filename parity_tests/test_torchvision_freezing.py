"""torchvision as witness: which convolutions of VGG16 its `trainable_backbone_layers` leaves to be trained."""

import pytest
import torch
from torchvision.models import vgg16
from torchvision.models.detection import ssd

from parity_tests.network import SMALL
from tf_ssd.model import ssd300
from tf_ssd.network.freeze import freeze_blocks


@pytest.mark.parametrize("blocks", range(6))
def test_frozen_blocks(blocks: int) -> None:
    with torch.device("meta"):  # shapes alone, no weights
        network = ssd._vgg_extractor(vgg16(), highres=False, trainable_layers=5 - blocks)
    # VGG16's thirteen convolutions come first, in both.
    expected = [layer.weight.requires_grad for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)][:13]
    model = ssd300(SMALL)
    frozen = freeze_blocks(model, SMALL, blocks)
    kernels = [variable for variable in model.variables if variable.path.endswith("/kernel")][:13]
    assert [variable.trainable for variable in kernels] == expected
    assert len(frozen) == blocks
