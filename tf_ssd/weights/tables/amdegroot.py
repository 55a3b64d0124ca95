"""amdegroot/ssd.pytorch: an SSD300, and the VGG16 that it starts from."""

from dataclasses import replace

from tf_ssd.config import NETWORKS, VOC300
from tf_ssd.weights.tables import vgg
from tf_ssd.weights.tables.table import Table, Target, levels
from tf_ssd.weights.tables.torch_layout import convolutions, numbered

SSD300 = NETWORKS["ssd300_vgg16"]
BODY = (*vgg.layers("vgg16"), "fc6", "fc7")
POSITIONS = (*vgg.positions("vgg16"), 31, 33)

AMDEGROOT = Table(
    "amdegroot",
    "a state dict of amdegroot/ssd.pytorch's SSD300",
    convolutions(
        numbered("vgg.{}", POSITIONS, BODY)
        | numbered("extras.{}", range(len(vgg.EXTRAS)), vgg.EXTRAS)
        | numbered("loc.{}", levels(SSD300), (f"offsets_{level}" for level in levels(SSD300)))
        | numbered("conf.{}", levels(SSD300), (f"logits_{level}" for level in levels(SSD300)))
    )
    | {"L2Norm.weight": Target("conv4_3_norm.scale")},
    channels="bgr",
    config=replace(SSD300, boxes=replace(VOC300, clip="cxcywh")),
)
REDUCED_FC = Table("vgg16", "vgg16_reducedfc.pth", convolutions(numbered("{}", POSITIONS, BODY)), channels="bgr", config=SSD300)
# It is published beside the detectors, so `--from amdegroot` finds it as well as `--from vgg16`.
TABLES = (AMDEGROOT, REDUCED_FC, replace(REDUCED_FC, source="amdegroot"))
