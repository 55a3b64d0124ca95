"""Audit an SSD loss by edge cases with known answers.

# a loss of one's own, with a page of pictures
python -m tf_ssd.audit --impl mypackage.losses:multibox --report audit.html
# one case with its boxes and numbers
python -m tf_ssd.audit --case no-labels-alone
# in continuous integration
python -m tf_ssd.audit --impl mypackage.losses:multibox --accepted audit.toml --format github
"""

import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tf_ssd import cli
from tf_ssd.config import AuditConfig
from tf_ssd.errors import AuditError

if TYPE_CHECKING:  # everything heavy is imported when the audit starts, so that --help answers at once
    from rich.console import Console

    from tf_ssd.audit.accepted import Accepted
    from tf_ssd.audit.cases.case import Case
    from tf_ssd.audit.run import Audit

BROKEN = 1
NARROWEST = 120  # columns of a table that goes into a file or a pipe


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    # Each implementation imports its framework in a process of its own.
    return cli.run(audit, AuditConfig, arguments, first=check, uses_tensorflow=False)


def check(config: AuditConfig) -> None:
    """Raise AuditError if there is no such case, module or function, or --accepted is wrong; no module of --impl is imported."""
    from tf_ssd.audit.asking.implementation import BUILT_IN
    from tf_ssd.audit.asking.modules import check_found

    _cases(config)
    _accepted(config)
    for name in config.impl:
        if name not in BUILT_IN:
            check_found(name)


def audit(config: AuditConfig) -> int:
    """Run the cases, print what was found, and write the files that were asked for; 1 if a rule is broken that may not be, else 0.

    Raises:
        AuditError: there is no such case, or an implementation cannot be loaded.
        ConfigError: a file cannot be written.
    """
    from rich.console import Console

    from tf_ssd.audit.run import installed

    if config.specification:
        return _specification()
    told = Console(highlight=False, stderr=config.format != "text")  # beside what is printed for a machine
    cases = _cases(config)
    if config.export is not None:
        return _export(config, cases, told)
    names = dict.fromkeys((*_audited(config), *installed(config.scores)))
    _warn_of_unused(config, names)
    audited = _run(config, tuple(names), cases, told)
    if config.format == "text":
        _print(config, audited, told)
    else:
        sys.stdout.write(_for_machines(config, audited))
    _write(config, audited, told)
    return BROKEN if audited.broken else 0


def _specification() -> int:
    from tf_ssd.audit.specification.page import page
    from tf_ssd.audit.specification.rules import specification

    sys.stdout.write(page(specification()))
    return 0


def _audited(config: AuditConfig) -> tuple[str, ...]:
    return config.impl or ("tf_ssd",)


def _print(config: AuditConfig, audited: "Audit", console: "Console") -> None:
    """Print tables, and what they come to last."""
    from tf_ssd.audit.reports.one_case import case_details
    from tf_ssd.audit.reports.table import conclusion, render

    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    parts = case_details(audited) if config.case is not None else render(audited, width=console.width, every=config.all)
    for part in (*parts, *conclusion(audited, width=console.width)):
        console.print(part)


def _for_machines(config: AuditConfig, audited: "Audit") -> str:
    from tf_ssd.audit.asking.implementation import BUILT_IN
    from tf_ssd.audit.asking.modules import place
    from tf_ssd.audit.reports.ci import github, junit

    if config.format == "junit":
        return junit(audited)
    places = {name: place(name) for name in config.impl if name not in BUILT_IN}
    return github(audited, {name: where for name, where in places.items() if where is not None})


def _cases(config: AuditConfig) -> tuple["Case", ...]:
    """The cases for this kind of scores, or the one that is asked for."""
    from tf_ssd.audit.cases.catalogue import CATALOGUES
    from tf_ssd.system.words import nearest

    name, cases = config.case, CATALOGUES[config.scores]
    if name is None:
        return tuple(cases.values())
    if name not in cases:
        raise AuditError(f"--case {name!r}: no such case; {nearest(name, cases) or 'run without it'}")
    return (cases[name],)


def _run(config: AuditConfig, implementations: tuple[str, ...], cases: tuple["Case", ...], console: "Console") -> "Audit":
    """Ask all implementations, with a progress bar."""
    from rich.progress import Progress

    from tf_ssd.audit import run
    from tf_ssd.audit.reports.names import short_names
    from tf_ssd.system.words import counted

    names = short_names(implementations)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        title = f"{counted(len(cases), 'case')}, {counted(len(implementations), 'implementation')}"
        bar = progress.add_task(title, total=len(cases) * len(implementations))

        def diagnosing(name: str) -> None:
            for task in progress.task_ids:
                progress.remove_task(task)
            progress.add_task(f"looking for what explains the answers of {names[name]}", total=None)

        return run.audit(
            implementations,
            cases,
            audited=_audited(config),
            accepted=_accepted(config),
            framework=config.framework,
            dtype=config.dtype,
            time_limit=config.time_limit,
            progress=lambda: progress.advance(bar),
            diagnosing=diagnosing,
        )


def _accepted(config: AuditConfig) -> "Accepted":
    from tf_ssd.audit.accepted import read

    return {} if config.accepted is None else read(config.accepted)


def _warn_of_unused(config: AuditConfig, names: Collection[str]) -> None:
    """Say which tables of --accepted are for none of the implementations: one may be misspelt, or audited another time."""
    unused = [name for name in _accepted(config) if name not in names]
    if unused:
        known = f"audited now are {', '.join(names)}"
        print(f"warning: --accepted {config.accepted}: not used: {', '.join(unused)}; {known}", file=sys.stderr)


def _export(config: AuditConfig, cases: tuple["Case", ...], console: "Console") -> int:
    from tf_ssd.system.files import writing

    with cli.quiet_start():
        from tf_ssd.audit.vectors.folder import export

    assert config.export is not None
    with writing(f"--export {config.export}"):
        export(cases, config.export)
    console.print(f"written: {config.export}", markup=False, soft_wrap=True)
    return 0


def _write(config: AuditConfig, audited: "Audit", console: "Console") -> None:
    """Write the files that were asked for."""
    from tf_ssd.audit.reports.html_report import html_report
    from tf_ssd.audit.reports.json_report import json_report
    from tf_ssd.system.files import json_bytes, write_new

    if config.json is not None:
        write_new(config.json, json_bytes(json_report(audited)))
        console.print(f"written: {config.json}", markup=False, soft_wrap=True)
    if config.report is not None:
        write_new(config.report, html_report(audited).encode())
        console.print(f"written: {config.report}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
