"""Every constant, every option and every call of the contract has a test that notices when it is moved, dropped or forgotten.

That it passes while nothing is changed is shown by itself, as an ordinary test.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import numpy as np
import pytest

from parity_tests import (
    network,
    test_architectures,
    test_bodies,
    test_constants,
    test_constants_of_network,
    test_descriptions,
    test_options,
    test_options_of_training,
    test_passing_on,
)
from parity_tests.adapters import TensorFlow
from parity_tests.meta import changes, contract
from parity_tests.meta.contract import Call
from parity_tests.meta.test_mutants import notices
from parity_tests.pins import PINS, Pin

REGISTERED = (
    *(test_architectures, test_bodies, test_constants, test_constants_of_network, test_descriptions, test_options),
    *(test_options_of_training, test_passing_on),
)
# Constants that decide how something is computed, not what.
WITHOUT_EFFECT = (
    Pin("detect", "AT_ONCE"),
    Pin("network.kernels.parts", "MANY_RESULTS"),
    Pin("network.kernels.parts", "RESULTS_OF_PART"),
    Pin("network.kernels.winograd", "CHANNELS"),
    Pin("network.kernels.winograd", "CHUNK"),
)
# The images of a micro-batch divide what they have multiplied, as the micro-batches of a step are equally large; and where pooling
# comes with ReLU, a ReLU before it changes nothing.
CANCELS = {("train.trainer.step.TrainingStep._sums", "images"), ("network.backbones.vgg.body", "activation")}
# What callers leave to the default; `audit` and `check` judge by the defaults alone.
DEFAULTS_ARE_MEANT = ("audit", "check")
MOBILENETS = tuple(f"network.backbones.mobilenet_{version}" for version in ("v1", "v2", "v3"))
LEFT_TO_DEFAULT = {
    # Most convolutions have the network's activation, no stride, and no dilation; those of a pixel have no padding.
    "activation": (*MOBILENETS[:2], "network.backbones.vgg", "network.extras", "network.heads"),
    "stride": (*MOBILENETS, "network.backbones.vgg", "network.extras", "network.heads"),
    "dilation": (*MOBILENETS, "network.backbones.vgg", "network.extras"),
    "padding": (*MOBILENETS, "network.backbones.vgg", "network.extras", "network.heads"),
    # A network computes in float32, and its boxes are limited as torchvision's.
    "dtype": ("data.coverage", "export.inference", "export.serving", "network.serving", "predict.compiled", "predict.explain"),
    "max_log_scale": ("export.inference", "export.serving", "network.serving", "predict.compiled", "predict.explain"),
    # Caffe SSD's 0.9 and 0.1.
    "momentum": ("train.run",),
    "factor": ("train.rates",),
}
CALLS = [call for call in contract.calls() if call.module.split(".")[0] not in DEFAULTS_ARE_MEANT]
MOVABLE = [pin for pin in contract.constants() if pin not in WITHOUT_EFFECT]


@pytest.fixture(autouse=True)
def no_layer_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a network departs is enough; where it does takes another network to find out."""
    monkeypatch.setattr(network, "first_departure", lambda *_: "no layer is looked for")


def runs(case: Callable[..., None]) -> Iterator[Callable[[], None]]:
    """A test with every set of its parameters, in float64; the implementation is new, as it remembers what it has compiled."""
    needed = set(inspect.signature(case).parameters)
    fixed = {"side": TensorFlow("eager"), "dtype": np.float64}
    marks = [mark.args for mark in getattr(case, "pytestmark", []) if mark.name == "parametrize"]
    given = {names: values for names, values in marks if isinstance(names, str) and names not in fixed}
    for chosen in product(*given.values()):
        yield partial(case, **{name: fixed[name] for name in needed & fixed.keys()}, **dict(zip(given, chosen, strict=True)))


def are_noticed_by(pins: list[Pin]) -> str:
    """The name of the first of the tests registered for the pins that fails, or nothing."""
    for case in dict.fromkeys(case for pin in pins for case in PINS[pin]):
        if any(notices(run) for run in runs(case)):
            return case.__name__
    return ""


def pins_of(call: Call) -> list[Pin]:
    """Of the caller, or of what it is a part of."""
    owners = (call.caller, call.caller.rpartition(".")[0], call.caller.rpartition(".")[0].rpartition(".")[0])
    return [pin for pin in PINS if pin.owner in owners and pin.owner not in contract.MODULES]


def test_lists_and_pins_name_the_same() -> None:
    """A new constant, option or caller needs a test, and a test that names what is no longer there is out of date."""
    listed = {*contract.constants(), *contract.options()}
    pinned = {pin for pin in PINS if pin.name}
    assert listed - pinned == set()
    assert pinned - listed == set()
    callers = {call.caller for call in CALLS}
    for pin in PINS:
        assert pin.name or any(f"{caller}.".startswith(f"{pin.owner}.") for caller in callers), f"{pin.owner} calls no operation"


@pytest.mark.parametrize("pin", WITHOUT_EFFECT, ids=str)
def test_constants_without_effect_have_none(pin: Pin, monkeypatch: pytest.MonkeyPatch) -> None:
    for moved in changes.neighbours(contract.constants()[pin]):
        changes.move_constant(pin, moved, monkeypatch)
        assert not are_noticed_by([pin])


@pytest.mark.parametrize("pin", MOVABLE, ids=str)
def test_a_moved_constant_is_noticed(pin: Pin) -> None:
    for moved in changes.neighbours(contract.constants()[pin]):
        with pytest.MonkeyPatch.context() as patch:
            changes.move_constant(pin, moved, patch)
            assert are_noticed_by([pin]), f"{pin.owner}.{pin.name} = {moved}"


@pytest.mark.parametrize("pin", contract.options(), ids=str)
def test_a_moved_default_is_noticed(pin: Pin) -> None:
    for moved in changes.other_defaults(pin):
        with pytest.MonkeyPatch.context() as patch:
            changes.move_default(pin, moved, patch)
            assert are_noticed_by([pin]), f"{pin.name}={moved} by default"


@pytest.mark.parametrize("pin", contract.options(), ids=str)
def test_a_dropped_option_is_noticed(pin: Pin, monkeypatch: pytest.MonkeyPatch) -> None:
    changes.drop_option(pin, changes.from_a_test, monkeypatch)
    assert are_noticed_by([pin])


def test_every_call_hands_on_every_option() -> None:
    """But for those that it leaves to the default, each of which is on the list above."""
    forgotten = {(option, call.module) for call in CALLS for option in contract.options_of(call) - call.given}
    assert forgotten == {(option, module) for option, modules in LEFT_TO_DEFAULT.items() for module in modules}


@pytest.mark.parametrize(("call", "option"), [(call, option) for call in CALLS for option in sorted(call.given)], ids=str)
def test_an_option_that_a_call_forgets_is_noticed(call: Call, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes.drop_option(Pin(call.operation, option), changes.from_call(call), monkeypatch)
    assert bool(are_noticed_by(pins_of(call))) != ((call.caller, option) in CANCELS)
