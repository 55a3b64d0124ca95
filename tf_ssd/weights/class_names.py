"""The classes of published detectors, which their files do not name."""

from tf_ssd.config import WeightsSource

_VOC = """
aeroplane | bicycle | bird | boat | bottle | bus | car | cat | chair | cow | diningtable | dog | horse | motorbike |
person | pottedplant | sheep | sofa | train | tvmonitor
"""
# By COCO's category ids, 1 to 90, of which ten belong to no class.
_COCO = """
person | bicycle | car | motorcycle | airplane | bus | train | truck | boat | traffic light | fire hydrant | unused 12
| stop sign | parking meter | bench | bird | cat | dog | horse | sheep | cow | elephant | bear | zebra | giraffe |
unused 26 | backpack | umbrella | unused 29 | unused 30 | handbag | tie | suitcase | frisbee | skis | snowboard |
sports ball | kite | baseball bat | baseball glove | skateboard | surfboard | tennis racket | bottle | unused 45 |
wine glass | cup | fork | knife | spoon | bowl | banana | apple | sandwich | orange | broccoli | carrot | hot dog |
pizza | donut | cake | chair | couch | potted plant | bed | unused 66 | dining table | unused 68 | unused 69 | toilet
| unused 71 | tv | laptop | mouse | remote | keyboard | cell phone | microwave | oven | toaster | sink | refrigerator
| unused 83 | book | clock | vase | scissors | teddy bear | hair drier | toothbrush
"""


def _names(listed: str) -> tuple[str, ...]:
    return tuple(listed.replace("\n", " ").strip().split(" | "))


PUBLISHED: dict[WeightsSource, tuple[str, ...]] = {"torchvision": _names(_COCO), "amdegroot": _names(_VOC)}


def published_class_names(source: WeightsSource, num_classes: int) -> tuple[str, ...] | None:
    """The C - 1 classes of what `source` publishes (torchvision: COCO, amdegroot: VOC); None if that has another number."""
    names = PUBLISHED.get(source, ())
    return names if len(names) == num_classes - 1 else None
