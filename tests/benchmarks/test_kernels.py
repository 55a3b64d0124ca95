import tensorflow as tf

from benchmarks import kernels
from benchmarks.report import Row
from tests.benchmarks.test_benchmarks import printed
from tf_ssd.network.kernels import dilation
from tf_ssd.network.layers import FastConv2D, ReLUMaxPooling2D

# A layer that uses each kernel, and whether it does so in training.
LAYERS = {
    "winograd": (lambda: FastConv2D(256, 3, padding="same"), True),
    "pooling": (ReLUMaxPooling2D, True),
    "dilation": (lambda: FastConv2D(2, 3, padding="same", dilation_rate=6), False),
    "parts": (lambda: FastConv2D(256, 3, padding="same"), False),
}


def operations(name: str) -> list[str]:
    """What a layer is traced to."""
    make, training = LAYERS[name]
    layer = make()
    call = tf.function(lambda x: layer(x, training=training), autograph=False)
    graph = call.get_concrete_function(tf.TensorSpec((1, 4, 4, 256))).graph
    return sorted(operation.type for operation in graph.get_operations())


def test_each_kernel_is_switched_off_by_itself(monkeypatch):
    monkeypatch.setattr(dilation, "has_kernels", lambda dtype: True)
    expected = {name: operations(name) for name in LAYERS}
    for kernel in (kernels.ALL, *LAYERS):
        with kernels.switched_off(kernel):
            assert {name for name in LAYERS if operations(name) != expected[name]} == {kernel} - {kernels.ALL}
    assert {name: operations(name) for name in LAYERS} == expected


def test_each_kernel_is_measured():
    assert {kernel for section in kernels.SECTIONS.values() for kernel in section.kernels} == LAYERS.keys()


def test_all_kernels_are_compared_with_all_but_one(monkeypatch):
    section = kernels.Section(lambda: lambda: None, ("winograd", "pooling"))
    monkeypatch.setitem(kernels.SECTIONS, "step", section)
    seconds, peaks = {"winograd": 4.0, "pooling": 2.0, kernels.ALL: 2.0}, iter([5, 9, 7, 6, 6, 6, 6, 3, 9])
    monkeypatch.setattr(
        kernels, "interleaved", lambda candidates, repeats: {name: [seconds[name]] * repeats for name in candidates}
    )
    monkeypatch.setattr(kernels, "peak_mb", lambda *_, **__: next(peaks))
    assert list(kernels.measured("step", 2, 3)) == [
        Row("step", kernels.ALL, "winograd", 2.0, [2.0, 2.0], 6, 7),
        Row("step", kernels.ALL, "pooling", 2.0, [1.0, 1.0], 6, 6),
    ]


def test_what_is_saved_is_a_share_of_what_it_takes_without():
    line = next(
        line
        for line in printed(kernels.table([Row("step", kernels.ALL, "winograd", 2.0, [2.0, 1.25], 6, 8)])).splitlines()
        if "step" in line
    )
    cells = [cell.strip() for cell in line.split("│")[1:-1]]
    assert cells == ["step", "winograd", "35.0% (20.0%..50.0%)", "25.0%", "6, 8 MB"]
