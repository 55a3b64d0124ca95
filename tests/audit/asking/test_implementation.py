"""From a name to functions, tensors and gradients; NumPy, PyTorch and TensorFlow in the same way."""

import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tf_ssd.audit.asking.frameworks import FRAMEWORKS, first, framework_of
from tf_ssd.audit.asking.implementation import load
from tf_ssd.audit.cases.catalogue import BY_NAME
from tf_ssd.audit.judge import judge
from tf_ssd.errors import AuditError

CASE = BY_NAME["three-hardest-negatives"]
INPUTS = [np.array([1.0, 2.0]), np.array([3.0])]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Load functions from a module with this source."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, source, framework="numpy", dtype="float32", function=""):
        (tmp_path / f"{name}.py").write_text(source)
        return load(f"{name}{function}", framework=framework, dtype=dtype)

    return write


@pytest.mark.parametrize(
    ("name", "squares"),
    [("tensorflow", lambda a: tf.reduce_sum(a * a)), ("torch", lambda a: (a * a).sum()), ("jax", lambda a: a @ a)],
)
def test_gradients_for_every_input_zero_where_it_plays_no_part(name, squares):
    inputs = [array.astype(np.float32) for array in INPUTS]
    result, gradients = FRAMEWORKS[name]().differentiate(lambda a, b: (squares(a),), inputs)
    assert FRAMEWORKS[name]().array(first(result)) == 5
    np.testing.assert_array_equal(gradients[0], [2, 4])
    np.testing.assert_array_equal(gradients[1], [0])


@pytest.mark.parametrize("name", ["tensorflow", "torch", "jax", "numpy"])
@pytest.mark.parametrize("constant", [0, 0.0])
def test_a_constant_has_no_gradient(name, constant):
    _, gradients = FRAMEWORKS[name]().differentiate(lambda a, b: constant, INPUTS)
    assert all(gradient is None or not gradient.any() for gradient in gradients)
    assert (gradients[0] is None) == (name == "numpy")


def test_the_framework_is_the_one_a_module_names(monkeypatch):
    """TensorFlow and PyTorch are loaded here, and JAX may be; what Keras names is its backend."""
    assert framework_of(types.SimpleNamespace(tf=tf), "a:b") == "tensorflow"
    assert framework_of(types.SimpleNamespace(torch=torch), "a:b") == "torch"
    assert framework_of(types.SimpleNamespace(Tensor=torch.Tensor), "a:b") == "torch"
    assert framework_of(types.SimpleNamespace(keras=keras), "a:b") == "tensorflow"
    monkeypatch.setitem(sys.modules, "jax", types.ModuleType("jax.numpy"))
    assert framework_of(types.SimpleNamespace(jnp=sys.modules["jax"]), "a:b") == "jax"
    for module in (types.SimpleNamespace(), types.SimpleNamespace(tf=tf, torch=torch)):
        with pytest.raises(AuditError, match="tensorflow and torch are loaded; say whose tensors it takes with --framework"):
            framework_of(module, "a:b")


def test_jax_that_another_framework_loaded_is_not_taken_for_the_modules(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", types.ModuleType("jax"))
    monkeypatch.delitem(sys.modules, "torch")
    assert framework_of(types.SimpleNamespace(), "a:b") == "tensorflow"
    monkeypatch.delitem(sys.modules, "tensorflow")
    assert framework_of(types.SimpleNamespace(), "a:b") == "jax"
    monkeypatch.delitem(sys.modules, "jax")
    assert framework_of(types.SimpleNamespace(), "a:b") == "numpy"


@pytest.mark.parametrize("returned", ["{'total': 3.0}", "[3.0]", "(3.0, 1.0, 2.0)", "3.0", "{'a': 3.0, 'b': 1.0, 'c': 2.0}"])
def test_what_a_loss_may_return(module, returned):
    side = module(f"returns_{abs(hash(returned))}", f"def loss(offsets, logits, target_offsets, target_labels): return {returned}")
    answer = side.answer(CASE)
    assert answer.total == 3
    assert (answer.localization, answer.confidence) == ((1, 2) if returned.count(",") == 2 else (None, None))


def test_a_module_answers_for_all_its_functions(module):
    source = """
import numpy as np

def match(gt_boxes, gt_labels, default_boxes):
    return np.stack([np.where(np.arange(21) == 5, 0, -1) if len(labels) else np.full(21, -1) for labels in gt_labels])

def encode(boxes, default_boxes):
    return np.zeros_like(boxes)
"""
    side = module("two_functions", source)
    verdicts = {name: judge(BY_NAME[name], side.answer(BY_NAME[name]), dtype="float32").verdict for name in BY_NAME}
    assert verdicts["one-object"] == verdicts["encode-itself"] == "ok"
    assert verdicts["two-objects-share-a-best-box"] == "fault"
    assert verdicts["encode-tiny"] == "fault"
    assert verdicts["three-hardest-negatives"] == verdicts["decode-nothing"] == "n/a"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inputs_have_the_dtype_asked_for_and_half_precision_where_the_case_has_it(module, dtype):
    source = "def loss(offsets, logits, target_offsets, target_labels): raise TypeError(f'{logits.dtype} {target_offsets.dtype}')"
    side = module(f"tells_{dtype}", source, dtype=dtype)
    assert side.answer(CASE).message == f"TypeError: {dtype} {dtype}"
    assert side.answer(BY_NAME["float16"]).message == f"TypeError: float16 {dtype}"


def test_a_long_message_is_one_short_line(module):
    source = "def loss(offsets, logits, target_offsets, target_labels): raise ValueError('{{function_node x}} a\\n' + 'b' * 999)"
    message = module("long_message", source).answer(CASE).message
    assert message.startswith("ValueError: a bbb")
    assert len(message) < 220
