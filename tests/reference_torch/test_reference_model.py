import pytest
import torch
from torch.nn.functional import max_pool2d, relu

from reference_torch.layers import l2_normalize
from reference_torch.model import SSD

# Where the boxes of each source start among the 8732 boxes, cells a side, boxes a cell.
PLACES = {
    0: (0, 38, 4),
    1: (5776, 19, 6),
    2: (7942, 10, 6),
    3: (8542, 5, 6),
    4: (8692, 3, 4),
    5: (8728, 1, 4),
}
MEAN_IMAGE = torch.tensor([123.0, 117, 104])[None, :, None, None].expand(1, 3, 300, 300)
NOISE_IMAGE = torch.rand(1, 3, 300, 300, generator=torch.Generator().manual_seed(0)) * 255


def small(num_classes=3, width=1 / 64):
    torch.manual_seed(0)
    return SSD("ssd300_vgg16", num_classes, width=width)


def record(model, names):
    """The first input and the output of the named modules, filled by the next forward pass."""
    seen = {}
    for name in names:
        hook = lambda _, inputs, output, name=name: seen.update({name: (inputs[0].detach(), output.detach())})  # noqa: E731
        getattr(model, name).register_forward_hook(hook)
    return seen


def test_parameters_of_the_paper():
    with torch.device("meta"):
        model = SSD("ssd300_vgg16")
        assert sum(p.numel() for p in SSD("ssd300_vgg16", 91).parameters()) == 35_641_826  # torchvision's ssd300_vgg16
    assert sum(p.numel() for p in model.parameters()) == 26_285_486
    assert model.conv5_3.weight.shape == (512, 512, 3, 3)
    assert model.logits_1.weight.shape == (6 * 21, 1024, 3, 3)
    assert model.offsets_0.weight.shape == (4 * 4, 512, 3, 3)


def test_names():
    vgg = ["1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3"]
    extra = ["8_1", "8_2", "9_1", "9_2", "10_1", "10_2", "11_1", "11_2"]
    heads = [f"{head}_{source}" for head in ("offsets", "logits") for source in PLACES]
    modules = [f"conv{n}" for n in vgg + extra] + ["fc6", "fc7"] + heads
    expected = {f"{module}.{p}" for module in modules for p in ("weight", "bias")} | {"scale"}
    assert set(small().state_dict()) == expected


def test_kernels_strides_paddings_dilations():
    model = small()
    for name, kernel, stride, padding, dilation in [
        ("conv1_1", 3, 1, 1, 1),
        ("conv5_3", 3, 1, 1, 1),
        ("fc6", 3, 1, 6, 6),
        ("fc7", 1, 1, 0, 1),
        ("conv8_1", 1, 1, 0, 1),
        ("conv8_2", 3, 2, 1, 1),
        ("conv9_2", 3, 2, 1, 1),
        ("conv10_2", 3, 1, 0, 1),
        ("conv11_2", 3, 1, 0, 1),
        ("logits_5", 3, 1, 1, 1),
    ]:
        layer = getattr(model, name)
        found = layer.kernel_size, layer.stride, layer.padding, layer.dilation
        assert found == ((kernel,) * 2, (stride,) * 2, (padding,) * 2, (dilation,) * 2), name


def test_width_scales_the_body_and_never_to_nothing():
    model = SSD("ssd300_vgg16", 5, width=0.1)
    assert model.conv1_1.weight.shape == (6, 3, 3, 3)  # round(6.4)
    assert model.conv8_1.weight.shape == (26, 102, 1, 1)  # round(25.6), round(102.4)
    assert model.offsets_0.weight.shape == (16, 51, 3, 3)
    assert SSD("ssd300_vgg16", 5, width=1e-6).fc7.weight.shape == (1, 1, 1, 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_of_outputs_and_sources(dtype):
    model = small().to(dtype)
    seen = record(model, [f"offsets_{source}" for source in PLACES])
    outputs = model(torch.rand(2, 3, 300, 300, dtype=dtype) * 255)
    assert set(outputs) == {"offsets", "logits"}
    assert outputs["offsets"].shape == (2, 8732, 4)
    assert outputs["logits"].shape == (2, 8732, 3)
    assert outputs["offsets"].dtype == outputs["logits"].dtype == dtype
    for source, (_, cells, boxes) in PLACES.items():
        assert seen[f"offsets_{source}"][1].shape == (2, boxes * 4, cells, cells)


@pytest.mark.parametrize(("head", "numbers"), [("offsets", 4), ("logits", 3)])
def test_heads_emit_row_column_box(head, numbers):
    model = small()
    driven = {}
    for source, (start, cells, boxes) in PLACES.items():
        row, column, box, number = cells // 2, cells - 1, boxes - 2, 1
        head_output = torch.zeros(1, boxes * numbers, cells, cells)
        head_output[0, box * numbers + number, row, column] = 1
        getattr(model, f"{head}_{source}").register_forward_hook(lambda *_, value=head_output: value)
        driven[source] = [0, start + (row * cells + column) * boxes + box, number]
    assert torch.nonzero(model(MEAN_IMAGE)[head]).tolist() == list(driven.values())


def test_mean_is_subtracted_in_rgb_order():
    # biases are 0, so the mean image gives 0 everywhere, and no other does
    model = small(width=1 / 32)
    for output in model(MEAN_IMAGE).values():
        assert (output == 0).all()
    assert model(MEAN_IMAGE.flip(1))["logits"].abs().max() > 0
    assert torch.equal(model.mean.flatten(), torch.tensor([123.0, 117, 104]))


def test_conv4_3_is_normalised_for_its_head_only():
    model = small(width=1 / 16)
    seen = record(model, ["conv4_3", "conv5_1", "offsets_0", "logits_0"])
    model(torch.rand(1, 3, 300, 300) * 255)
    features = relu(seen["conv4_3"][1])
    assert torch.equal(seen["conv5_1"][0], max_pool2d(features, 2))
    assert torch.equal(seen["offsets_0"][0], seen["logits_0"][0])
    lengths, alive = seen["offsets_0"][0].norm(dim=1), features.norm(dim=1) > 0
    assert alive.any()
    torch.testing.assert_close(lengths[alive], torch.full_like(lengths[alive], 20.0))
    assert model.scale.tolist() == [20] * 32


def test_pool3_rounds_up_and_pool5_keeps_its_size():
    model = small()
    seen = record(model, ["conv3_3", "conv4_1", "conv5_3", "fc6"])
    model(torch.rand(1, 3, 300, 300) * 255)
    pool3, conv3 = seen["conv4_1"][0], relu(seen["conv3_3"][1])
    assert (conv3.shape[2:], pool3.shape[2:]) == ((75, 75), (38, 38))
    assert torch.equal(pool3[0, :, 37, 37], conv3[0, :, 74, 74])  # the last window holds one pixel
    pool5, conv5 = seen["fc6"][0], relu(seen["conv5_3"][1])
    assert torch.equal(pool5[0, :, 9, 9], conv5[0, :, 8:11, 8:11].amax(dim=(1, 2)))
    assert torch.equal(pool5[0, :, 0, 18], conv5[0, :, 0:2, 17:19].amax(dim=(1, 2)))


def test_l2_normalize_by_hand():
    pixels = torch.tensor([[3.0, 4], [0, 0], [1e-20, 0]])
    x = pixels.T.reshape(1, 2, 3, 1).clone().requires_grad_()
    y = l2_normalize(x)
    torch.testing.assert_close(y[0, :, 0, 0], torch.tensor([0.6, 0.8]))
    assert y[0, :, 1, 0].tolist() == [0, 0]
    assert y[0, :, 2, 0].tolist() == pytest.approx([1e-8, 0], rel=1e-5)  # below 1e-12: divided by 1e-12
    y.sum().backward()
    assert x.grad.isfinite().all()
    # (1, 1) / 5 - (3, 4) * (3 + 4) / 125
    torch.testing.assert_close(x.grad[0, :, 0, 0], torch.tensor([1 / 5 - 21 / 125, 1 / 5 - 28 / 125]))


@pytest.mark.parametrize("image", [MEAN_IMAGE, NOISE_IMAGE], ids=["mean", "noise"])
def test_gradients_are_finite_even_where_conv4_3_is_all_zero(image):
    model = small()
    outputs = model(image)
    (outputs["offsets"].sum() + outputs["logits"].sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
    assert model.logits_5.bias.grad.tolist() == [1] * 12


def test_initialisation():
    model = small(num_classes=21, width=1 / 4)
    for name, stddev in [("conv5_3", (2 / (128 * 9)) ** 0.5), ("fc7", (2 / 256) ** 0.5)]:
        assert getattr(model, name).weight.std().item() == pytest.approx(stddev, rel=0.05)
    assert model.offsets_1.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert model.logits_1.weight.std().item() == pytest.approx(0.003, rel=0.05)
    assert all((p == 0).all() for name, p in model.named_parameters() if name.endswith("bias"))
