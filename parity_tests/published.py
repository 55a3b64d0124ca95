"""Networks as others publish them, with drawn weights: imported by our tables, and compared layer by layer."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
from torch import nn

from parity_tests.asserts import record_error
from parity_tests.network import departure, dtype_policy
from parity_tests.tolerance import TOLERANCES
from tf_ssd.model import SSD, ssd
from tf_ssd.weights.published import Imported, import_published

Layers = Mapping[str, np.ndarray]


def randomise(network: nn.Module, *, seed: int) -> nn.Module:
    """Weights and moving statistics that let every part of a network count.

    A change of the pixels comes out at most twice as large, relative to the activations; with He initialisation it grew tenfold in
    MobileNetV3, and roundings with it.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
    for name, tensor in network.state_dict().items():  # which shares its memory with the network
        if name.endswith("running_var"):
            nn.init.uniform_(tensor, 0.5, 2, generator=generator)
        elif name.endswith(("bias", "running_mean")):
            nn.init.normal_(tensor, std=0.3, generator=generator)
    return network.eval()


def import_from_torchvision(network: nn.Module, folder: Path) -> Imported:
    """A network of torchvision through a file."""
    torch.save(network.state_dict(), folder / "published.pth")
    return import_published("torchvision", folder / "published.pth", num_classes=None, channels=None)


def in_float64(model: SSD, **settings: Any) -> SSD:
    """The same network with the same weights in float64; `settings` are fields of its config."""
    with dtype_policy("float64"):
        other = ssd(model.config, **settings)
    other.set_weights(model.get_weights())
    return other


def as_torch(pixels: np.ndarray) -> torch.Tensor:
    """(B, H, W, 3) -> (B, 3, H, W)."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def layers_in_torch(network: nn.Module, forward: Callable[[], object], imported: Imported) -> Layers:
    """What each convolution gives during `forward`, (B, H, W, channels), by our name for it."""
    outputs: dict[str, np.ndarray] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: outputs.__setitem__(name, output.permute(0, 2, 3, 1).clone().numpy())

    kernels = {name: target for name, target in imported.table.targets.items() if target and target.variable.endswith(".kernel")}
    modules = {
        target.variable.removesuffix(".kernel"): network.get_submodule(name.rpartition(".")[0]) for name, target in kernels.items()
    }
    handles = [module.register_forward_hook(keep(ours)) for ours, module in modules.items() if isinstance(module, nn.Conv2d)]
    with torch.no_grad():
        forward()
    for handle in handles:
        handle.remove()
    return outputs


def layers_of(model: SSD, names: Iterable[str], pixels: np.ndarray) -> Layers:
    """What layers give."""
    outputs = {name: model.get_layer(name).output for name in names}
    return {name: output.numpy() for name, output in keras.Model(model.inputs[0], outputs)(pixels).items()}


def assert_close(actual: Layers, expected: Layers, *, operation: str) -> None:
    """Each array agrees within the tolerance of a network, relative to its largest; else the message names the first."""
    assert actual.keys() == expected.keys()
    for name, theirs in expected.items():
        ours = actual[name]
        assert ours.dtype == theirs.dtype
        error = departure(ours, theirs)
        assert error <= TOLERANCES[operation].multiple(ours.dtype), f"{operation}: {name} departs by {error:.3g} epsilons"
        record_error(operation, ours.dtype, error)
