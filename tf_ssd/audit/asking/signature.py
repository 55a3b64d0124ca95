"""What a function computes and which cases it can be asked, told from the names of its parameters."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tf_ssd.audit.asking.roles import Role, misfit, role_of
from tf_ssd.audit.cases.case import Case, CoderCase
from tf_ssd.errors import AuditError

SETTINGS = frozenset({"negative_ratio", "min_negatives", "alpha", "normalizer", "replicas"})


@dataclass(frozen=True)
class Signature:
    """A function, what it computes, the settings it knows, and whether it is told the kind of scores.

    One that does not name `scores` has one kind only, which is the one that it is audited for.
    """

    function: Callable[..., Any]
    role: Role
    settings: frozenset[str]
    told_scores: bool = False

    def refuses(self, case: Case) -> str | None:
        """Why the case cannot be asked, or None if it can."""
        if isinstance(case, CoderCase):
            return None if self.role == case.operation else f"computes no {case.operation}"
        if self.role in ("encode", "decode"):
            return "computes no loss"
        if self.role == "match" and case.stage != "matching":
            return "matches only"
        if self.role == "loss on targets" and case.stage == "matching":
            return "is given its targets"
        wanted = set(case.options) | ({"replicas"} if case.replicas > 1 else set())
        missing = sorted(wanted - self.settings) if self.role != "match" else []
        return f"has no setting {', '.join(missing)}" if missing else None


def read_signature(function: Callable[..., Any], name: str) -> Signature:
    """Tell the role of a function from its required parameters.

    Raises:
        AuditError: the parameters fit no role, or cannot be read.
    """
    if inspect.isclass(function):
        raise AuditError(f"--impl {name}: is a class; name a function that makes an object of it and calls that")
    try:
        parameters = inspect.signature(_written(function)).parameters.values()
    except (TypeError, ValueError) as error:
        raise AuditError(f"--impl {name}: its parameters cannot be read ({error}); wrap it in a function of your own") from error
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    named = [parameter for parameter in parameters if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)]
    required = [parameter.name for parameter in named if parameter.default is parameter.empty]
    role = role_of(required)
    if role is None:
        raise AuditError(f"--impl {name}: {misfit(required)}")
    known = {parameter.name for parameter in named}
    return Signature(function, role, SETTINGS if anything else SETTINGS & known, "scores" in known)


def _written(function: Callable[..., Any]) -> Callable[..., Any]:
    """What its author wrote: of a PyTorch module or a Keras layer, which are called through something general, forward or call."""
    methods = [getattr(function, name, None) for name in ("forward", "call")]
    return next((method for method in methods if inspect.ismethod(method)), function)
