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


class JaxFramework:
    """JAX functions, which `jax.grad` traces; also for Keras 3 on JAX."""

    def __init__(self) -> None:
        import jax

        self._jax = jax

    def tensor(self, array: np.ndarray) -> Any:
        """A constant. JAX has float64 only if it is switched on, which stays as it is for the rest of the process."""
        if array.dtype == np.float64:
            self._jax.config.update("jax_enable_x64", True)
        return self._jax.numpy.asarray(array)

    def differentiate(self, function: Callable[..., Any], inputs: Sequence[np.ndarray]) -> tuple[Any, Gradients]:
        """The result, and the gradients of its first number."""

        def total(*tensors: Any) -> tuple[Any, Any]:
            result = function(*tensors)
            return self._jax.numpy.asarray(first(result), float).sum(), result

        tensors = [self.tensor(array) for array in inputs]
        (_, result), gradients = self._jax.value_and_grad(total, argnums=range(len(inputs)), has_aux=True)(*tensors)
        return result, tuple(self.array(gradient) for gradient in gradients)

    def array(self, value: Any) -> np.ndarray:
        """Back to NumPy."""
        return np.asarray(value)


FRAMEWORKS: dict[str, type[Framework]] = {
    "tensorflow": TensorflowFramework,
    "torch": TorchFramework,
    "jax": JaxFramework,
    "numpy": NumpyFramework,
}


def first(result: Any) -> Any:
    """The total of what a loss returned: the number itself, or the first of several."""
    values = list(result.values()) if isinstance(result, dict) else result
    return values[0] if isinstance(values, (tuple, list)) else values


def framework_of(module: ModuleType, name: str) -> str:
    """The framework of a module's functions: the one that is loaded, and of several the one that the module imports.

    Keras says which it computes with. JAX may have been loaded by another framework, so that it counts only if the module imports
    it or nothing else is loaded.

    Raises:
        AuditError: several are loaded, and the module imports more than one of them or none.
    """
    names = [getattr(value, attribute, None) for value in vars(module).values() for attribute in ("__name__", "__module__")]
    mentioned = {str(name).split(".")[0] for name in names}
    if "keras" in mentioned and "keras" in sys.modules:
        mentioned.add(sys.modules["keras"].config.backend())
    loaded = [framework for framework in ("tensorflow", "torch", "jax") if framework in sys.modules]
    imported = [framework for framework in loaded if framework in mentioned]
    likely = imported or [framework for framework in loaded if framework != "jax"] or loaded
    if len(likely) > 1:
        raise AuditError(f"--impl {name}: {' and '.join(likely)} are loaded; say whose tensors it takes with --framework")
    return likely[0] if likely else "numpy"
