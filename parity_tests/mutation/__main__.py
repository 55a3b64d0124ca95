"""Tell which changes of the code no test would notice.

    python -m parity_tests.mutation                      the core
    python -m parity_tests.mutation matcher loss         some modules
    python -m parity_tests.mutation --sample 20 metrics  twenty mutants of each module of a room
    python -m parity_tests.mutation --survivors          those that were left, with their change

Each change is one mutant. It is killed if a test of the module fails, or does not end in time. What survives is either listed in
equal.toml with the reason why it computes the same, or wants a test. Results are kept in --results: the same command tries only
what is new, until the module changes; after a change of tests give another file.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from parity_tests.mutation import trial
from parity_tests.mutation.mutants import Mutant
from parity_tests.mutation.results import EQUAL, Results, mutants_of, sampled
from parity_tests.mutation.targets import ROOT, Target, named


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants and print a table.

    Returns:
        0; 1 if a mutant is left that is not known to be equal; 2 if the command is wrong, or the tests fail without a change; 130
        after Ctrl-C.
    """
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m parity_tests.mutation", description=__doc__, formatter_class=style, allow_abbrev=False
    )
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="such as matcher, data.augment.windows or the room metrics; default: the core"
    )
    parser.add_argument(
        "--sample", type=_number, metavar="N", help="at most so many mutants of a module, always the same; default: all"
    )
    parser.add_argument(
        "--seed", default="", metavar="TEXT", help="another sample: mutants that the tests may not have been written for"
    )
    parser.add_argument("--results", type=Path, default=Path("mutation.jsonl"), help="default: %(default)s")
    parser.add_argument("--processes", type=_number, metavar="N", default=os.cpu_count() or 1, help="default: one for each core")
    parser.add_argument("--survivors", action="store_true", help="print the survivors of before, and try nothing")
    given = parser.parse_args(arguments)
    try:
        targets, results = named(given.modules), Results(given.results)
    except ValueError as error:
        parser.error(str(error))
    if given.survivors and not given.results.exists():
        parser.error(f"{given.results}: no such file")
    console = Console(highlight=False, soft_wrap=True)
    os.chdir(ROOT)
    try:
        if not given.survivors:
            chosen = ((target, sampled(target, given.sample, given.seed)) for target in targets)
            if not all(_try(target, mutants, results, given.processes, console) for target, mutants in chosen):
                return 2
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on where this one ended")
        return 130
    left = [line for target in targets for line in results.survivors(target)]
    for line in left:
        console.print(line, markup=False)
    console.print(table(targets, results))
    return 1 if left else 0


def _try(target: Target, mutants: Sequence[Mutant], results: Results, processes: int, console: Console) -> bool:
    """Try what is new of a module; False if its tests fail without a change."""
    new = [mutant for mutant in mutants if not results.known(target, mutant)]
    if not new:
        return True
    trial.prepare()
    outcome, costs = trial.unchanged(target.tests)
    if outcome != "survived":
        console.print(f"{target.module}: its tests fail without a change: pytest {' '.join(target.tests)}", markup=False)
        return False
    lines = {mutant.name: mutant for mutant in new}
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(f"{target.module}: {len(new)} mutants", total=len(new))
        for ended, ending in trial.tried((trial.Trial(target, each.name, each.source, costs) for each in new), processes):
            results.add(target, lines[ended.name], ending.outcome, ending.seconds)
            progress.advance(bar)
    return True


def table(targets: Sequence[Target], results: Results) -> Table:
    """How many changes of each module were tried, noticed, left and equal."""
    columns = "changes", "noticed", "left", "equal", "score", "minutes"
    shown = Table(Column("module", overflow="fold"), *columns, title=f"equal: {EQUAL.name} says why")
    for target in targets:
        count, there = results.count(target), len(mutants_of(target))
        tried, equal = sum(count.values()), results.equal(target)
        noticed = count["killed"] + count["timeout"]
        score = f"{100 * noticed / (tried - equal):.1f} %" if tried > equal else "-"
        changes = str(tried) if tried == there else f"{tried} of {there}"
        row = noticed, tried - noticed - equal, equal, score, f"{results.minutes(target):.0f}"
        shown.add_row(target.module.removeprefix("tf_ssd."), changes, *map(str, row))
    return shown


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
