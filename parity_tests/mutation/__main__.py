"""Tell which changes of the code no test would notice.

    python -m parity_tests.mutation                      the core
    python -m parity_tests.mutation matcher loss         some modules
    python -m parity_tests.mutation --sample 20 metrics  twenty mutants of each module of a room
    python -m parity_tests.mutation --survivors          those that were left, with their change

Each change is one mutant. It is killed if a test of the module fails, or does not end in time. What survives is either listed in
equal.toml with the reason why it computes the same, or wants a test. Results are kept in --results: the same command once more
tries what is new alone.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from parity_tests.mutation.results import EQUAL, Results, sampled
from parity_tests.mutation.targets import ROOT, Target, named
from parity_tests.mutation.trial import Trial, prepare, tried, unchanged


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants and print a table; 1 if one survived that is not known to be equal, 2 if the tests fail without a change."""
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m parity_tests.mutation", description=__doc__, formatter_class=style, allow_abbrev=False
    )
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="such as matcher, data.augment.windows or the room metrics; default: the core"
    )
    parser.add_argument(
        "--sample", type=int, metavar="N", help="at most so many mutants of a module, always the same; default: all"
    )
    parser.add_argument("--results", type=Path, default=Path("mutation.jsonl"), help="default: %(default)s")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one for each core")
    parser.add_argument("--survivors", action="store_true", help="print the survivors of before, and try nothing")
    given = parser.parse_args(arguments)
    try:
        targets = named(given.modules)
    except ValueError as error:
        parser.error(str(error))
    results, console = Results(given.results), Console(highlight=False, soft_wrap=True)
    if not given.survivors:
        os.chdir(ROOT)
        prepare()
        for target in targets:
            if not _try(target, results, given.sample, given.processes, console):
                return 2
    left = [line for target in targets for line in results.survivors(target)]
    for line in left:
        console.print(line, markup=False)
    console.print(table(targets, results))
    return 1 if left else 0


def _try(target: Target, results: Results, sample: int | None, processes: int, console: Console) -> bool:
    """Try what is new of a module; False if its tests fail without a change."""
    new = [mutant for mutant in sampled(target, sample) if not results.known(target, mutant)]
    if not new:
        return True
    outcome, costs = unchanged(target.tests)
    if outcome != "survived":
        console.print(f"{target.module}: its tests fail without a change: pytest {' '.join(target.tests)}", markup=False)
        return False
    lines = {mutant.name: mutant for mutant in new}
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(f"{target.module}: {len(new)} mutants", total=len(new))
        for trial, ending in tried((Trial(target, each.name, each.source, costs) for each in new), processes):
            results.add(target, lines[trial.name], ending.outcome, ending.seconds)
            progress.advance(bar)
    return True


def table(targets: Sequence[Target], results: Results) -> Table:
    """Killed, survived and equal of each module."""
    shown = Table(
        Column("module", overflow="fold"),
        "mutants",
        "killed",
        "survived",
        "equal",
        "score",
        "minutes",
        title=f"equal: {EQUAL.name} says why",
    )
    for target in targets:
        count = results.count(target)
        made, equal = sum(count.values()), results.equal(target)
        noticed = count["killed"] + count["timeout"]
        score = f"{100 * noticed / (made - equal):.1f} %" if made > equal else "-"
        row = made, noticed, made - noticed - equal, equal, score, f"{results.minutes(target):.0f}"
        shown.add_row(target.module.removeprefix("tf_ssd."), *map(str, row))
    return shown


if __name__ == "__main__":
    sys.exit(main())
