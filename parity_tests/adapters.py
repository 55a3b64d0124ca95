"""Both implementations behind one face: NumPy in, NumPy out, an operation named "module.function" as in both packages."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import torch

Arrays = tuple[np.ndarray, ...]
# Operations whose gradients, for these inputs, graphs and XLA compute along with every value: two compilations would take long.
WITH_GRADIENTS = {"loss.multibox_loss": (0, 1), "scores.cross_entropy": (0,)}
# Operations that reference_torch defines for one image and tf_ssd for a batch, with the number of leading batched arguments.
PER_IMAGE = {"matcher.match": 2, "matcher.targets": 2, "loss.hard_negative_mask": 2, "detect.detect": 2}


class TensorFlow:
    """tf_ssd, called eagerly, in a graph, or compiled by XLA."""

    def __init__(self, mode: str) -> None:
        self.name = f"tf_ssd ({mode})"
        self._mode = mode
        self._compiled: dict[str, Callable] = {}

    def call(self, operation: str, *inputs: np.ndarray, **options: Any) -> Arrays:
        """The results of an operation, always as a tuple."""
        if self._mode != "eager" and operation in WITH_GRADIENTS:
            return self.value_and_gradients(operation, *inputs, wrt=WITH_GRADIENTS[operation], **options)[0]
        return _numpy(self._run(operation, (), options)(*map(tf.constant, inputs)))

    def gradients(self, operation: str, *inputs: np.ndarray, wrt: Sequence[int] = (0,), **options: Any) -> Arrays:
        """Gradients of the weighted sum of the first result (`weights_like`) for the inputs numbered in `wrt`."""
        return self.value_and_gradients(operation, *inputs, wrt=wrt, **options)[1]

    def value_and_gradients(
        self, operation: str, *inputs: np.ndarray, wrt: Sequence[int] = (0,), **options: Any
    ) -> tuple[Arrays, Arrays]:
        """What `call` and `gradients` give, from one function."""
        computed = tuple(wrt) if self._mode == "eager" else WITH_GRADIENTS.get(operation, tuple(wrt))
        results, gradients = self._run(operation, computed, options)(*map(tf.constant, inputs))
        return _numpy(results), _numpy([gradients[computed.index(number)] for number in wrt])

    def _run(self, operation: str, wrt: tuple[int, ...], options: dict[str, Any]) -> Callable:
        key = f"{operation} {wrt} {sorted(options.items())}"
        if key not in self._compiled:
            function = _function("tf_ssd", operation, options)
            self._compiled[key] = self.compile(_with_gradients(function, wrt) if wrt else function)
        return self._compiled[key]

    def compile(self, function: Callable) -> Callable:
        """Any function of tensors, run as this side runs: AutoGraph, as users have it, in the graph, and none before XLA."""
        compiled = tf.function(function, jit_compile=self._mode == "xla", autograph=self._mode == "graph")
        return function if self._mode == "eager" else compiled


class Torch:
    """reference_torch; what it does for one image is done for each image of a batch and stacked."""

    name = "reference_torch"

    def call(self, operation: str, *inputs: np.ndarray, **options: Any) -> Arrays:
        """The results of an operation, always as a tuple."""
        tensors = [torch.from_numpy(np.array(array)) for array in inputs]
        function = _function("reference_torch", operation, options)
        batched = PER_IMAGE.get(operation, 0)
        with torch.inference_mode():  # which notes nothing for gradients: a fifth of what many small operations take
            if not batched:
                return _numpy(function(*tensors))
            images = [function(*image, *tensors[batched:]) for image in zip(*tensors[:batched], strict=True)]
        if operation == "detect.detect":
            images = [_pad(image, options.get("max_detections", 200)) for image in images]
        return tuple(np.stack(parts) for parts in zip(*map(_numpy, images), strict=True))

    def gradients(self, operation: str, *inputs: np.ndarray, wrt: Sequence[int] = (0,), **options: Any) -> Arrays:
        """Gradients of the weighted sum of the first result (`weights_like`) for the inputs numbered in `wrt`."""
        return self.value_and_gradients(operation, *inputs, wrt=wrt, **options)[1]

    def value_and_gradients(
        self, operation: str, *inputs: np.ndarray, wrt: Sequence[int] = (0,), **options: Any
    ) -> tuple[Arrays, Arrays]:
        """What `call` and `gradients` give, from one run."""
        tensors = [torch.from_numpy(np.array(array)) for array in inputs]
        chosen = [tensors[number].requires_grad_() for number in wrt]
        results = _function("reference_torch", operation, options)(*tensors)
        first = _first(results)
        weights = torch.from_numpy(weights_like(tuple(first.shape))).to(first.dtype)
        return _numpy(results), _numpy(tuple(torch.autograd.grad((first * weights).sum(), chosen)))


EAGER, GRAPH, XLA = (TensorFlow(mode) for mode in ("eager", "graph", "xla"))
REFERENCE = Torch()
Implementation = TensorFlow | Torch


def weights_like(shape: tuple[int, ...]) -> np.ndarray:
    """Fixed weights of a sum, so that every element of a result counts differently in its gradient; 1 for a scalar."""
    return np.random.default_rng(0).uniform(0.5, 1.5, shape) if shape else np.ones(())


def _function(package: str, operation: str, options: dict[str, Any]) -> Callable:
    module, _, name = operation.rpartition(".")
    function = getattr(importlib.import_module(f"{package}.{module}"), name)
    return lambda *inputs: function(*inputs, **options)


def _with_gradients(function: Callable, wrt: tuple[int, ...]) -> Callable:
    def value_and_gradients(*inputs: tf.Tensor) -> tuple[Any, list[tf.Tensor]]:
        chosen = [inputs[number] for number in wrt]
        with tf.GradientTape() as tape:
            tape.watch(chosen)
            results = function(*inputs)
            first = _first(results)
            total = tf.reduce_sum(first * tf.cast(weights_like(tuple(first.shape)), first.dtype))
        return results, tape.gradient(total, chosen, unconnected_gradients="zero")

    return value_and_gradients


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


def _numpy(results: Any) -> Arrays:
    results = results if isinstance(results, tuple | list) else (results,)
    return tuple(result.detach().numpy() if isinstance(result, torch.Tensor) else result.numpy() for result in results)


def _pad(detections: Any, rows: int) -> tuple[torch.Tensor, ...]:
    """Detections of one image padded with zeros to `rows`, and their number."""
    boxes, labels, scores = detections
    missing = rows - len(scores)
    pad = torch.nn.functional.pad
    count = torch.tensor(len(scores))
    return pad(boxes, (0, 0, 0, missing)), pad(labels, (0, missing)), pad(scores, (0, missing)), count
