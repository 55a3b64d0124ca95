from threading import Thread

import pytest
import tensorflow as tf

from tf_ssd.network.kernels.choice import kernels_for, plain_kernels


@pytest.fixture(autouse=True)
def gpus(monkeypatch):
    """Those that TensorFlow finds: none."""
    found: list[str] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: found if kind == "GPU" else [])
    return found


@pytest.mark.parametrize(("training", "kernels"), [(True, "training"), (False, "prediction"), (None, "prediction")])
def test_the_kernels_are_those_of_what_is_done(gpus, training, kernels):
    assert kernels_for(training) == kernels
    gpus.append("a GPU")
    assert kernels_for(training) == "plain"


def test_plain_ones_can_be_asked_for():
    with plain_kernels():
        assert [kernels_for(training) for training in (True, False, None)] == ["plain"] * 3
        with plain_kernels():
            pass
        assert kernels_for(training=True) == "plain", "until the outer one ends"
    assert kernels_for(training=True) == "training"


def test_an_error_ends_it():
    with pytest.raises(ZeroDivisionError), plain_kernels():
        1 / 0  # noqa: B018
    assert kernels_for(training=False) == "prediction"


def test_other_threads_go_on_as_before():
    found = []
    with plain_kernels():
        thread = Thread(target=lambda: found.append(kernels_for(training=True)))
        thread.start()
        thread.join()
    assert found == ["training"]
