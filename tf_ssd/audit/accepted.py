"""Cases that an implementation is known to fail, as a project's audit.toml lists them, and what that makes of a verdict.

[accepted."mypackage.losses:multibox"]
zero-width-alone = "our annotation has no boxes without area"
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import msgspec

from tf_ssd.audit.cases.catalogue import CATALOGUES
from tf_ssd.audit.judge import BROKEN, Verdict
from tf_ssd.errors import AuditError
from tf_ssd.system.files import require_file

Accepted = Mapping[str, Mapping[str, str]]  # by implementation and case, the reason
Outcome = Literal["passed", "failed", "accepted", "mended", "skipped"]
EVERY_CASE = {name: case for cases in CATALOGUES.values() for name, case in cases.items()}  # of either kind of scores
FAILED: tuple[Outcome, ...] = ("failed", "mended")


class _File(msgspec.Struct, forbid_unknown_fields=True):
    accepted: dict[str, dict[str, str]] = {}


def read(path: Path) -> Accepted:
    """The cases that a file accepts.

    Raises:
        AuditError: the file cannot be read, is no such file, or accepts a case that does not exist or without a reason.
    """
    try:
        accepted = msgspec.toml.decode(require_file(path).read_bytes(), type=_File).accepted
    except OSError as error:
        raise AuditError(f"--accepted {path}: cannot be read ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        example = '[accepted."package.module:function"] and lines such as ties-at-the-cut = "the reason"'
        raise AuditError(f"--accepted {path}: {error}; it holds tables {example}") from error
    for name, reasons in accepted.items():
        require_known(reasons, EVERY_CASE, f"--accepted {path}: {name}")
        silent = [case for case, reason in reasons.items() if not reason.strip()]
        if silent:
            raise AuditError(f"--accepted {path}: {name}: {silent[0]}: say why it is accepted")
    return accepted


def require_known(names: Collection[str], cases: Collection[str], where: str) -> None:
    """Raise AuditError, which begins with `where`, unless all names are those of cases."""
    for name in sorted(set(names) - set(cases)):
        near = get_close_matches(name, cases, n=3)
        raise AuditError(f"{where}: {name!r}: no such case; " + (f"did you mean {' or '.join(near)}?" if near else "leave it out"))


def outcome(verdict: Verdict, *, accepted: bool) -> Outcome:
    """What a verdict means to whoever relies on it.

    "mended" is an accepted case that is right: it has to be taken out of the list, so that the list stays true. To accept a
    difference changes nothing, as a difference breaks no rule.
    """
    if verdict == "n/a":
        return "skipped"
    if verdict in BROKEN:
        return "accepted" if accepted else "failed"
    return "mended" if accepted and verdict == "ok" else "passed"
