"""What a training run does unless it is told otherwise: optimizer, schedule and network that go together."""

from dataclasses import dataclass
from typing import Literal

from tf_ssd.config.augment import Augmentation

RecipeName = Literal["quick", "voc", "coco", "ssdlite", "od_api", "finetune"]
OptimizerName = Literal["adam", "sgd"]


@dataclass(frozen=True)
class Recipe:
    """Settings that belong together.

    Attributes:
        steps: training steps.
        batch_size: images per step.
        optimizer: "adam", or Caffe's "sgd" with coupled weight decay and doubled rate of the biases.
        learning_rate: the peak, reached after a linear warm-up of a tenth of the steps, at most 500.
        drops: shares of the steps after which the rate falls to a tenth; without any it follows a cosine down to 0.
        weight_decay: of kernels (sgd).
        width: of the network; None for a small one (`config.networks.SMALL`).
        batch_norm: of the network; None for batch normalisation where the network is published with it.
        boxes_of: the dataset whose set of default boxes the network gets, if it has one; else, and with None, those of the weights
            that training starts from, or the network's own.
        augmentation: what is done to training images; more than flips pays in long runs.
        frozen_blocks: blocks of the body, from the first, that are not trained.
        base_rate: factor on the learning rate of the body.
    """

    steps: int
    batch_size: int
    optimizer: OptimizerName
    learning_rate: float
    drops: tuple[float, ...] = ()
    weight_decay: float = 5e-4
    width: float | None = 1.0
    batch_norm: bool | None = None
    boxes_of: Literal["VOC", "COCO"] | None = None
    augmentation: Augmentation = "ssd"
    frozen_blocks: int = 0
    base_rate: float = 1.0

    @property
    def warmup(self) -> int:
        """Steps until the peak of the learning rate."""
        return min(500, self.steps // 10)


# voc and coco: the published settings of Caffe SSD300, which start from weights of VGG16.
# ssdlite: torchvision's reference training of ssdlite320_mobilenet_v3_large, from weights of its body: 660 epochs of COCO's 117,266
# photos with objects, on 8 GPUs with 24 images each, so that an epoch is 610 steps. There biases and norms decay as well.
# od_api: the Object Detection API's ssd_mobilenet_v1_300x300_coco14_sync, one of its few recipes with momentum, where others take
# RMSprop. There the loss is focal, and no negatives are mined.
RECIPES: dict[RecipeName, Recipe] = {
    "quick": Recipe(
        steps=400, batch_size=8, optimizer="adam", learning_rate=3e-3, width=None, batch_norm=True, augmentation="flip"
    ),
    "voc": Recipe(steps=120_000, batch_size=32, optimizer="sgd", learning_rate=1e-3, drops=(2 / 3, 5 / 6), boxes_of="VOC"),
    "coco": Recipe(steps=400_000, batch_size=32, optimizer="sgd", learning_rate=1e-3, drops=(0.7, 0.9), boxes_of="COCO"),
    "ssdlite": Recipe(
        steps=402_600, batch_size=192, optimizer="sgd", learning_rate=0.15, weight_decay=4e-5, augmentation="ssdlite"
    ),
    "od_api": Recipe(steps=20_000, batch_size=1024, optimizer="sgd", learning_rate=0.9, weight_decay=4e-5, augmentation="ssdlite"),
    "finetune": Recipe(steps=2000, batch_size=8, optimizer="sgd", learning_rate=2.5e-4, drops=(2 / 3, 5 / 6), frozen_blocks=2),
}
