"""`python -m tf_ssd.weights`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from tf_ssd.config.networks import NetworkName
from tf_ssd.config.rules import require, require_new

WeightsSource = Literal["torchvision", "amdegroot", "keras", "vgg16", "mediapipe"]
Channels = Literal["bgr", "rgb"]


@dataclass(frozen=True)
class WeightsConfig:
    """Import published weights: write a .keras model that predicts what the published one does, or that trains from its body."""

    source: Annotated[WeightsSource, arg(name="from")]
    """Who published FILE: torchvision (its ssd300_vgg16 and ssdlite320_mobilenet_v3_large; as bodies its vgg16, vgg19, mobilenet_v2
    and mobilenet_v3_large), amdegroot/ssd.pytorch (SSD300), Keras Applications (as bodies VGG16, VGG19, MobileNet and MobileNetV2),
    MediaPipe (the SSD MobileNetV2 of its Objectron); vgg16 is the body vgg16_reducedfc.pth or that of Keras."""
    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """A .pth, .pt, .safetensors, .h5, .onnx or .tflite file, or a bundle of MediaPipe's (.data);
    "imagenet" with --from keras downloads the weights of Keras Applications."""
    output: Path
    """The .keras file to write; it must not exist."""
    network: Literal[NetworkName, None] = None
    """The network that a body goes into. Default: the first of the family that has it; for imagenet ssd300_vgg16."""
    num_classes: int | None = None
    """Classes, background included; if not as many as in FILE, the heads are made new. Default: as in FILE, or 21."""
    channels: Literal[Channels, None] = None
    """Colours that amdegroot's weights expect: bgr (default) if converted from Caffe, rgb if the port itself trained them."""

    def __post_init__(self) -> None:
        require_new(self, output=".keras")
        require(self.num_classes is None or self.num_classes >= 2, "--num-classes", self.num_classes, "must be at least 2")
