"""What a function can be asked for, told from the names of its required parameters."""

from collections.abc import Iterable
from typing import Literal

Role = Literal["loss", "loss on targets", "match", "encode", "decode"]
ROLES: dict[Role, tuple[str, ...]] = {
    "loss": ("offsets", "logits", "gt_boxes", "gt_labels", "default_boxes"),
    "loss on targets": ("offsets", "logits", "target_offsets", "target_labels"),
    "match": ("gt_boxes", "gt_labels", "default_boxes"),
    "encode": ("boxes", "default_boxes"),
    "decode": ("offsets", "default_boxes"),
}
FUNCTIONS = ("loss", "match", "encode", "decode")  # the names that are looked for in a module


def role_of(required: Iterable[str]) -> Role | None:
    """The role of a function with these required parameters, None if there is none."""
    return next((role for role, names in ROLES.items() if set(required) == set(names)), None)


def suggestion(module: str, fitting: Iterable[str]) -> str:
    """What to write after --impl, from the functions of a module whose parameters fit."""
    names = [f"{module}:{function}" for function in fitting]
    if not names:
        return f"name it as {module}:function; its parameters say what it takes: {roles()}"
    return f"name it as {' or '.join(names)}"


def misfit(required: Iterable[str]) -> str:
    """What is wrong with a function that has these required parameters and no role."""
    takes = ", ".join(required) or "nothing that has a name"
    adapters = "https://github.com/tf-ssd/tf-ssd/blob/main/docs/audit.md"
    return f"takes {takes}; name its parameters as one of: {roles()}. {adapters} has adapters"


def roles() -> str:
    """All roles with their parameters, for a message."""
    return "; ".join(f"{role}: {', '.join(names)}" for role, names in ROLES.items())
