"""The same three things in each framework: make a tensor, differentiate a scalar, get back to NumPy."""

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from tf_ssd.errors import AuditError

Gradients = tuple[np.ndarray | None, ...]


class Framework(Protocol):
    """Tensors and gradients of one framework."""

    def tensor(self, array: np.ndarray) -> Any:
        """A constant of the array's dtype."""

    def differentiate(self, function: Callable[..., Any], inputs: Sequence[np.ndarray]) -> tuple[Any, Gradients]:
        """What `function` returns, and the gradient of its first number by each input; None from a framework without gradients."""

    def array(self, value: Any) -> np.ndarray:
        """Convert a tensor or a number to NumPy."""


class NumpyFramework:
    """Plain arrays, without gradients."""

    def tensor(self, array: np.ndarray) -> Any:
        """A constant."""
        return array

    def differentiate(self, function: Callable[..., Any], inputs: Sequence[np.ndarray]) -> tuple[Any, Gradients]:
        """The result, and None for each gradient."""
        return function(*inputs), (None,) * len(inputs)

    def array(self, value: Any) -> np.ndarray:
        """Back to NumPy."""
        return np.asarray(value)


class TensorflowFramework:
    """TensorFlow in eager mode, also for Keras 3 on TensorFlow."""

    def __init__(self) -> None:
        import tensorflow as tf

        self._tf = tf

    def tensor(self, array: np.ndarray) -> Any:
        """A constant."""
        return self._tf.constant(array)

    def differentiate(self, function: Callable[..., Any], inputs: Sequence[np.ndarray]) -> tuple[Any, Gradients]:
        """The result, and the gradients of its first number."""
        tensors = [self.tensor(array) for array in inputs]
        with self._tf.GradientTape() as tape:
            tape.watch(tensors)
            result = function(*tensors)
            total = self._tf.convert_to_tensor(first(result))
        gradients = tape.gradient(total, tensors, unconnected_gradients=self._tf.UnconnectedGradients.ZERO)
        return result, tuple(self.array(gradient) for gradient in gradients)

    def array(self, value: Any) -> np.ndarray:
        """Back to NumPy."""
        return np.asarray(self._tf.convert_to_tensor(value))


class TorchFramework:
    """PyTorch, also for Keras 3 on PyTorch."""

    def __init__(self) -> None:
        import torch

        self._torch = torch

    def tensor(self, array: np.ndarray) -> Any:
        """A constant."""
        return self._torch.from_numpy(np.array(array))

    def differentiate(self, function: Callable[..., Any], inputs: Sequence[np.ndarray]) -> tuple[Any, Gradients]:
        """The result, and the gradients of its first number."""
        tensors = [self.tensor(array).requires_grad_() for array in inputs]
        result = function(*tensors)
        total = self._torch.as_tensor(first(result))
        if not total.requires_grad:  # a constant, such as 0 for images without labels
            return result, tuple(np.zeros_like(array) for array in inputs)
        gradients = self._torch.autograd.grad(total, tensors, allow_unused=True)
        pairs = zip(gradients, inputs, strict=True)
        return result, tuple(np.zeros_like(array) if slope is None else self.array(slope) for slope, array in pairs)

    def array(self, value: Any) -> np.ndarray:
        """Back to NumPy."""
        return self._torch.as_tensor(value).detach().cpu().numpy()


FRAMEWORKS: dict[str, type[Framework]] = {"tensorflow": TensorflowFramework, "torch": TorchFramework, "numpy": NumpyFramework}


def first(result: Any) -> Any:
    """The total of what a loss returned: the number itself, or the first of several."""
    values = list(result.values()) if isinstance(result, dict) else result
    return values[0] if isinstance(values, (tuple, list)) else values


def framework_of(module: ModuleType, name: str) -> str:
    """The framework of a module's functions: the one that is loaded, and if both are, the one that the module imports.

    Raises:
        AuditError: both are loaded, and the module imports both or neither.
    """
    loaded = [framework for framework in ("tensorflow", "torch") if framework in sys.modules]
    if len(loaded) > 1:
        mentioned = {str(getattr(value, "__name__", "")).split(".")[0] for value in vars(module).values()}
        loaded = [framework for framework in loaded if framework in mentioned]
        if len(loaded) != 1:
            raise AuditError(f"--impl {name}: TensorFlow and PyTorch are both loaded; say which with --framework")
    return loaded[0] if loaded else "numpy"
