"""An implementation: the functions found under a name, and how they are called for a case."""

import dataclasses
import importlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np

from tf_ssd.audit.asking.frameworks import FRAMEWORKS, Framework, framework_of
from tf_ssd.audit.asking.roles import FUNCTIONS, suggestion
from tf_ssd.audit.asking.signature import Signature, read_signature
from tf_ssd.audit.cases.answer import Answer
from tf_ssd.audit.cases.case import Case, CoderCase, LossCase
from tf_ssd.audit.cases.ledger import targets
from tf_ssd.errors import AuditError

ADAPTERS = "tf_ssd.audit.asking"
BUILT_IN = {
    "tf_ssd": f"{ADAPTERS}.production",
    "reference_torch": f"{ADAPTERS}.reference",
    "torchvision": f"{ADAPTERS}.torchvision_ssd",
}


class Implementation:
    """Functions of one framework that answer cases in one dtype."""

    def __init__(self, signatures: list[Signature], framework: Framework, dtype: str) -> None:
        self._signatures, self._framework, self._dtype = signatures, framework, np.dtype(dtype)

    def answer(self, case: Case) -> Answer:
        """Run the case. Whatever the function raises becomes an answer."""
        reasons = [signature.refuses(case) for signature in self._signatures]
        if None not in reasons:
            return Answer("inapplicable", reasons[0] or "")
        signature = self._signatures[reasons.index(None)]
        start = time.perf_counter()
        try:
            with np.errstate(all="ignore"):
                answer = self._ask(signature, case)
        except Exception as error:  # somebody else's code may raise anything
            answer = Answer("raised", f"{type(error).__name__}: {_shortened(str(error))}")
        return dataclasses.replace(answer, seconds=time.perf_counter() - start)

    def _ask(self, signature: Signature, case: Case) -> Answer:
        if isinstance(case, CoderCase):
            argument = "boxes" if case.operation == "encode" else "offsets"
            values = {argument: self._tensor(case.values), "default_boxes": self._tensor(case.default_boxes)}
            return Answer("answered", boxes=self._array(signature.function(**values), (len(case.values), 4)))
        if signature.role == "match":
            shape = (len(case.images), len(case.default_boxes))
            return Answer("answered", rows=self._array(signature.function(**self._annotation(case)), shape))
        given = self._annotation(case) if signature.role == "loss" else self._targets(case)
        options = {**case.options, **({"replicas": case.replicas} if case.replicas > 1 else {})}
        if signature.told_scores:
            options["scores"] = case.scores

        def function(offsets: Any, logits: Any) -> Any:
            return signature.function(offsets=offsets, logits=logits, **given, **options)

        return self._loss(function, case)

    def _loss(self, function: Callable[..., Any], case: LossCase) -> Answer:
        dtype = np.dtype(np.float16) if case.half else self._dtype
        result, gradients = self._framework.differentiate(function, [case.offsets.astype(dtype), case.logits.astype(dtype)])
        total, localization, confidence = self._numbers(result)
        offsets, logits = (None if gradient is None else gradient.astype(float) for gradient in gradients)
        return Answer(
            "answered",
            total=total,
            localization=localization,
            confidence=confidence,
            offsets_gradient=offsets,
            logits_gradient=logits,
        )

    def _numbers(self, result: Any) -> tuple[float | None, ...]:
        """(total, localization, confidence) of what a loss returned; the terms are None if it returned the total alone."""
        if isinstance(result, Mapping):
            result = tuple(result.values())
        values = list(result) if isinstance(result, (tuple, list)) else [result]
        if len(values) not in (1, 3):
            raise AuditError(f"returned {len(values)} values instead of total, or total, localization, confidence")
        numbers = [float(self._array(value, ())) for value in values]
        return (*numbers, *[None] * (3 - len(numbers)))

    def _annotation(self, case: LossCase) -> dict[str, Any]:
        return {
            "gt_boxes": [self._tensor(image.gt_boxes) for image in case.images],
            "gt_labels": [self._framework.tensor(image.gt_labels) for image in case.images],
            "default_boxes": self._tensor(case.default_boxes),
        }

    def _targets(self, case: LossCase) -> dict[str, Any]:
        pairs = [targets(image, case.default_boxes) for image in case.images]
        offsets, labels = np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])
        return {"target_offsets": self._tensor(offsets), "target_labels": self._framework.tensor(labels)}

    def _tensor(self, array: np.ndarray) -> Any:
        return self._framework.tensor(array.astype(self._dtype))

    def _array(self, value: Any, shape: tuple[int, ...]) -> np.ndarray:
        array = self._framework.array(value)
        if array.shape != shape:
            raise AuditError(f"returned the shape {array.shape} instead of {shape}")
        return array.astype(float) if array.dtype.kind == "f" else array


def load(name: str, *, framework: str, dtype: str) -> Implementation:
    """Import "package.module:function", or "package.module" with functions named loss, match, encode or decode.

    Raises:
        AuditError: there is no such module or function, its parameters are unknown, or its framework cannot be told.
    """
    path, _, function = BUILT_IN.get(name, name).partition(":")
    try:
        module = importlib.import_module(path)
    except Exception as error:
        raise AuditError(f"--impl {name}: {path} cannot be imported ({type(error).__name__}: {error})") from error
    signatures = [read_signature(found, name) for found in _functions(module, function, name)]
    kind = framework_of(module, name) if framework == "auto" else framework
    return Implementation(signatures, FRAMEWORKS[kind](), dtype)


def _functions(module: ModuleType, function: str, name: str) -> list[Callable[..., Any]]:
    wanted = (function,) if function else FUNCTIONS
    found = [getattr(module, attribute) for attribute in wanted if callable(getattr(module, attribute, None))]
    if not found:
        what = f"{module.__name__} has no function {' or '.join(wanted)}"
        raise AuditError(f"--impl {name}: {what}; {suggestion(module.__name__, _fitting(module))}")
    return found


def _fitting(module: ModuleType) -> Iterator[str]:
    """Names in a module of functions whose parameters the audit knows."""
    for name, value in vars(module).items():
        with suppress(AuditError):
            if callable(value) and read_signature(value, name):
                yield name


def _shortened(message: str, limit: int = 200) -> str:
    line = " ".join(re.sub(r"\{\{function_node .*?\}\}", "", message).split())  # without the place in TensorFlow's graph
    return line if len(line) <= limit else line[: limit - 3] + "..."
