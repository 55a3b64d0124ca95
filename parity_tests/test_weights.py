"""Imported weights: the whole network of the publisher against ours, on one picture.

Nothing is downloaded: the publishers' networks get random weights, are saved under the published names, and are imported.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision
from torch import nn
from torchvision.models import vgg

from tf_ssd import detect
from tf_ssd.default_boxes import default_boxes
from tf_ssd.model import SSD300
from tf_ssd.weights import import_weights

CLASSES = 6
# Of the largest magnitude. 23 convolutions that sum in another order differ by 4e-6.
TOLERANCE = 2e-5
MEAN_BGR = (104.0, 117.0, 123.0)
KERAS_MEAN_BGR = (103.939, 116.779, 123.68)
BOXES = (4, 6, 6, 6, 4, 4)
CHANNELS = (512, 1024, 512, 256, 256, 256)


class Port(nn.Module):
    """An SSD300 with the structure and the tensor names of amdegroot/ssd.pytorch."""

    def __init__(self) -> None:
        super().__init__()
        body = [*vgg.make_layers(vgg.cfgs["D"], batch_norm=False)]
        body[16].ceil_mode = True
        fc6, fc7 = nn.Conv2d(512, 1024, 3, padding=6, dilation=6), nn.Conv2d(1024, 1024, 1)
        self.vgg = nn.ModuleList([*body[:30], nn.MaxPool2d(3, 1, 1), fc6, nn.ReLU(), fc7, nn.ReLU()])
        self.L2Norm = nn.Module()
        self.L2Norm.weight = nn.Parameter(torch.empty(512))
        self.extras = nn.ModuleList()
        for before, squeezed, after, stride in ((1024, 256, 512, 2), (512, 128, 256, 2), (256, 128, 256, 1), (256, 128, 256, 1)):
            self.extras += [nn.Conv2d(before, squeezed, 1), nn.Conv2d(squeezed, after, 3, stride, padding=stride - 1)]
        self.loc, self.conf = (
            nn.ModuleList(nn.Conv2d(channels, boxes * size, 3, padding=1) for channels, boxes in zip(CHANNELS, BOXES, strict=True))
            for size in (4, CLASSES)
        )

    def fc7(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """conv4_3, normalised, and fc7, for (B, 3, 300, 300) without its mean."""
        x = nn.Sequential(*self.vgg[:23])(x)
        normalised = self.L2Norm.weight[:, None, None] * x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)
        return normalised, nn.Sequential(*self.vgg[23:])(x)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Offsets (B, K, 4) and logits (B, K, C)."""
        sources = [*self.fc7(x)]
        for first, second in zip(self.extras[::2], self.extras[1::2], strict=True):
            sources.append(second(first(sources[-1]).relu()).relu())
        outputs = []
        for heads, size in ((self.loc, 4), (self.conf, CLASSES)):
            grids = [head(source).permute(0, 2, 3, 1) for head, source in zip(heads, sources, strict=True)]  # (B, H, W, A * size)
            outputs.append(torch.cat([grid.reshape(len(x), -1, size) for grid in grids], 1))
        return outputs[0], outputs[1]


def randomise(network: nn.Module, *, seed: int) -> nn.Module:
    """Weights that let every part of the network count: no zero bias, no constant factor."""
    torch.manual_seed(seed)
    for name, parameter in network.named_parameters():
        with torch.no_grad():
            if parameter.ndim == 4:
                nn.init.xavier_normal_(parameter, gain=1.2)
            else:
                parameter.normal_(mean=20 if "scale" in name or "L2Norm" in name else 0, std=0.3)
    return network.eval()


def as_torch(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()  # (B, H, W, 3) -> (B, 3, H, W)


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


def layer_output(model: SSD300, name: str, pixels: np.ndarray) -> np.ndarray:
    return keras.Model(model.input, model.get_layer(name).output)(pixels).numpy()


def assert_same_weights(a: SSD300, b: SSD300) -> None:
    assert a.config == b.config
    for ours, theirs in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """A picture (1, 300, 300, 3), RGB 0..255: a sky, a ground, bright and dark discs, grain."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:300, :300]
    image = np.where((rows > 180 + 10 * np.sin(columns / 20))[..., None], (70, 110, 50), (120, 160, 225)) + rows[..., None] / 6
    for _ in range(15):
        (y, x), radius, colour = rng.uniform(0, 300, 2), rng.uniform(5, 60), rng.uniform(0, 255, 3)
        image[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = colour
    return np.clip(image + rng.normal(scale=8, size=image.shape), 0, 255).round().astype(np.float32)[None]


def write_vgg16_with_top(path: Path, *, seed: int) -> None:
    """The layout of Keras Applications' published file, random numbers in it."""
    rng = np.random.default_rng(seed)
    network = keras.applications.VGG16(weights=None, include_top=False)
    with h5py.File(path, "w") as file:
        for layer in network.layers:
            if layer.weights:
                file[f"{layer.name}/{layer.name}_W_1:0"], file[f"{layer.name}/{layer.name}_b_1:0"] = layer.get_weights()
        for name, inputs, outputs in (("fc1", 7 * 7 * 512, 4096), ("fc2", 4096, 4096), ("predictions", 4096, 1000)):
            file[f"{name}/{name}_W_1:0"] = rng.random((inputs, outputs), np.float32)
            file[f"{name}/{name}_b_1:0"] = rng.random(outputs, np.float32)


def test_keras_vgg16_with_top(tmp_path: Path) -> None:
    """fc6 and fc7 are every third row and column and every fourth channel of fc1 and fc2.

    Comes first, as it takes the most memory: the layers of TensorFlow and PyTorch that the others run keep some of theirs.
    """
    path = tmp_path / "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
    write_vgg16_with_top(path, seed=4)
    imported = import_weights("vgg16", path)
    fc6, fc6_bias = imported.get_layer("fc6").get_weights()
    fc7, fc7_bias = imported.get_layer("fc7").get_weights()
    assert (fc6.shape, fc7.shape) == ((3, 3, 512, 1024), (1, 1, 1024, 1024))
    with h5py.File(path) as file:
        fc1, fc2 = file["fc1/fc1_W_1:0"], file["fc2/fc2_W_1:0"]
        for row, column in np.ndindex(3, 3):
            for channel in range(0, 512, 5):
                flat = (3 * row * 7 + 3 * column) * 512 + channel  # of a window of 7x7x512
                np.testing.assert_array_equal(fc6[row, column, channel], fc1[flat][[4 * n for n in range(1024)]])
        for channel in range(1024):
            np.testing.assert_array_equal(fc7[0, 0, channel], fc2[4 * channel][[4 * n for n in range(1024)]])
        np.testing.assert_array_equal(fc6_bias, file["fc1/fc1_b_1:0"][()][[4 * n for n in range(1024)]])
        np.testing.assert_array_equal(fc7_bias, file["fc2/fc2_b_1:0"][()][[4 * n for n in range(1024)]])
        kernel = imported.get_layer("conv1_1").kernel
        np.testing.assert_array_equal(kernel, file["block1_conv1/block1_conv1_W_1:0"][()][:, :, ::-1])


@pytest.fixture(scope="module")
def torchvision_ssd() -> nn.Module:
    network = randomise(torchvision.models.detection.ssd300_vgg16(weights_backbone=None, num_classes=CLASSES), seed=1)
    with torch.no_grad():
        for head, boxes in zip(network.head.classification_head.module_list, BOXES, strict=True):
            head.bias.view(boxes, CLASSES)[:, 0] += 11.5  # nearly all boxes are background, as in a trained network
    return network


@pytest.fixture(scope="module")
def torchvision_outputs(torchvision_ssd: nn.Module, pixels: np.ndarray) -> dict[str, torch.Tensor]:
    """Its own preprocessing, body and heads."""
    with torch.no_grad():
        images, _ = torchvision_ssd.transform([as_torch(pixels / 255)[0]])
        return torchvision_ssd.head(list(torchvision_ssd.backbone(images.tensors).values()))


@pytest.fixture(scope="module")
def imported(torchvision_ssd: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> SSD300:
    path = tmp_path_factory.mktemp("torchvision") / "ssd300_vgg16.pth"
    torch.save(torchvision_ssd.state_dict(), path)
    return import_weights("torchvision", path)


def test_torchvision(imported: SSD300, torchvision_outputs: dict[str, torch.Tensor], pixels: np.ndarray) -> None:
    ours = imported(pixels)
    assert_close(ours["offsets"].numpy(), torchvision_outputs["bbox_regression"].numpy())
    assert_close(ours["logits"].numpy(), torchvision_outputs["cls_logits"].numpy())


def test_safetensors_hold_the_same_bits(imported: SSD300, torchvision_ssd: nn.Module, tmp_path: Path) -> None:
    safetensors.torch.save_file(torchvision_ssd.state_dict(), tmp_path / "ssd300_vgg16.safetensors")
    assert_same_weights(import_weights("torchvision", tmp_path / "ssd300_vgg16.safetensors"), imported)


def test_torchvisions_detections(
    imported: SSD300, torchvision_ssd: nn.Module, torchvision_outputs: dict[str, torch.Tensor], pixels: np.ndarray
) -> None:
    images = torchvision.models.detection.image_list.ImageList(as_torch(pixels), [(300, 300)])
    sources = [torch.empty(1, 1, cells, cells) for cells in (38, 19, 10, 5, 3, 1)]
    anchors = torchvision_ssd.anchor_generator(images, sources)
    torchvision_ssd.score_thresh = 0.05
    (theirs,) = torchvision_ssd.postprocess_detections(torchvision_outputs, anchors, images.image_sizes)
    predictions = imported(pixels)
    boxes = default_boxes(imported.config.boxes)
    ours = detect.detect(predictions["offsets"], predictions["logits"], boxes, score_threshold=0.05)
    count = int(ours.count[0])
    assert count == len(theirs["labels"]) > 20
    assert len(set(theirs["labels"].tolist())) > 2
    np.testing.assert_array_equal(ours.labels[0, :count], theirs["labels"])
    np.testing.assert_allclose(ours.scores[0, :count], theirs["scores"], rtol=1e-3)
    np.testing.assert_allclose(ours.boxes[0, :count] * 300, theirs["boxes"], atol=0.02)  # px


def reverse_colours(model: SSD300) -> None:
    kernel = model.get_layer("conv1_1").kernel
    kernel.assign(kernel.numpy()[:, :, ::-1])


def transpose_a_kernel(model: SSD300) -> None:
    kernel = model.get_layer("conv5_2").kernel
    kernel.assign(kernel.numpy().transpose(1, 0, 2, 3))


def swap_boxes_of_a_cell(model: SSD300) -> None:
    kernel = model.get_layer("offsets_1").kernel
    boxes = kernel.numpy().reshape(3, 3, 1024, 6, 4)
    kernel.assign(boxes[..., [0, 1, 3, 2, 5, 4], :].reshape(kernel.shape))


def swap_heads(model: SSD300) -> None:
    a, b = (model.get_layer(f"offsets_{level}") for level in (4, 5))
    weights = a.get_weights()
    a.set_weights(b.get_weights())
    b.set_weights(weights)


@pytest.fixture
def restored(imported: SSD300) -> Iterator[SSD300]:
    """The imported network, given back as it was."""
    weights = imported.get_weights()
    yield imported
    imported.set_weights(weights)


@pytest.mark.parametrize("mistake", [reverse_colours, transpose_a_kernel, swap_boxes_of_a_cell, swap_heads])
def test_a_mistake_would_be_noticed(mistake, restored: SSD300, torchvision_outputs: dict[str, torch.Tensor], pixels) -> None:
    """Each kind of mistake moves the offsets by a thousand times what is allowed."""
    mistake(restored)
    expected = torchvision_outputs["bbox_regression"].numpy()
    difference = np.abs(restored(pixels)["offsets"].numpy() - expected).max()
    assert difference > 1000 * TOLERANCE * np.abs(expected).max()


@pytest.fixture(scope="module")
def port() -> nn.Module:
    return randomise(Port(), seed=2)


@pytest.mark.parametrize("channels", ["bgr", "rgb"])
def test_amdegroot(channels: str, port: nn.Module, pixels: np.ndarray, tmp_path: Path) -> None:
    torch.save(port.state_dict(), tmp_path / "ssd.pth")
    imported = import_weights("amdegroot", tmp_path / "ssd.pth", channels=channels)
    assert imported.config.num_classes == CLASSES
    inputs = (pixels[..., ::-1] - MEAN_BGR)[..., :: 1 if channels == "bgr" else -1].astype(np.float32)
    with torch.no_grad():
        offsets, logits = port(as_torch(inputs))
    ours = imported(pixels)
    assert_close(ours["offsets"].numpy(), offsets.numpy())
    assert_close(ours["logits"].numpy(), logits.numpy())


def test_vgg16_reducedfc(port: nn.Module, pixels: np.ndarray, tmp_path: Path) -> None:
    torch.save(port.vgg.state_dict(), tmp_path / "vgg16_reducedfc.pth")
    imported = import_weights("vgg16", tmp_path / "vgg16_reducedfc.pth")
    with torch.no_grad():
        _, fc7 = port.fc7(as_torch((pixels[..., ::-1] - MEAN_BGR).astype(np.float32)))
    assert_close(layer_output(imported, "fc7_relu", pixels), fc7.permute(0, 2, 3, 1).numpy())


def test_keras_vgg16(pixels: np.ndarray, tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(300, 300, 3))
    for layer in network.layers:
        if layer.weights:
            layer.bias.assign(np.random.default_rng(0).normal(scale=0.3, size=layer.bias.shape))
    network.save_weights(tmp_path / "vgg16.weights.h5")
    imported = import_weights("vgg16", tmp_path / "vgg16.weights.h5")
    inputs = pixels[..., ::-1] - KERAS_MEAN_BGR
    # Keras rounds the 75 cells of pool3 down, SSD up: up to there all is the same, after it the cells away from the border.
    for theirs, ours, cells in (("block3_pool", "pool3", 37), ("block5_conv3", "conv5_3_relu", 14)):
        expected = keras.Model(network.input, network.get_layer(theirs).output)(inputs).numpy()
        assert_close(layer_output(imported, ours, pixels)[:, :cells, :cells], expected[:, :cells, :cells])
